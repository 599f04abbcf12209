/* What the files of the probe's C part share. Each does what a module in Python does as well. */
#ifndef STATEMETER_FAST_H
#define STATEMETER_FAST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at, *end;
} Bytes;

/* _fast_sizes.c, as sizes.py. */
PyObject *fast_largest(PyObject *module, PyObject *arguments);
PyObject *fast_document(PyObject *module, PyObject *arguments);

/* (elements, [the largest]) of a packed list; None where it is none. */
PyObject *fast_measure_list(Bytes list, Py_ssize_t most);

/* Bytes of bookkeeping in a packed checkpoint without values, into found: -1 where it is no
 * checkpoint. Returns 0 where Python has to look. */
int fast_bookkeeping(Bytes document, Py_ssize_t *found);

/* _fast_lines.c, as spool.py. */
PyObject *fast_line(PyObject *module, PyObject *fields);
void fast_lines_begin(void);

/* _fast_fields.c: texts as interned strings, those that are not there yet; -1 with an exception set. */
int fast_intern(PyObject **into, const char *const *written, int count);

/* The offset of a slot for objects in a class of its own; -1 where there is none. */
Py_ssize_t fast_offset_of(PyTypeObject *type, const char *named);

/* _fast_puts.c and _fast_records.c, as puts.py and records.py. */
PyObject *fast_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_writes(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_read(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
int fast_fields_begin(void);

/* _fast_notes.c, as notes.py. */
PyObject *fast_note_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
int fast_notes_begin(void);

/* _fast_queue.c, as probe.py. */
/* Whether the probe may hold so many bytes more, and how many are all then; -1 with an exception set. */
int fast_room(PyObject *probe, long long more, long long *all);

/* Probe.emit; held: what the probe holds then in all, -1: as before. -1 with an exception set. */
int fast_emit_to(PyObject *probe, PyObject *build, PyObject *item, long long held);
PyObject *fast_builds(PyObject *module, PyObject *arguments);
PyObject *fast_take(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
int fast_queue_begin(void);

#ifndef _WIN32
/* _fast_calls.c, as calls.py and serde.py. */
PyObject *fast_measures(PyObject *module, PyObject *arguments);
PyObject *fast_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_end(PyObject *module, PyObject *call);
/* A serializer's own method, timed: what it gives. */
PyObject *fast_timed(PyObject *method, PyObject *serializer, PyObject *object, int dumps);

/* The clocks of time.perf_counter_ns and time.time_ns. */
long long fast_clock(void);
long long fast_wall(void);

/* Have faults.fault count the Exception that is set, and clear it; -1 where it is another, such as
 * an interrupt. */
int fast_tell(PyObject *fault, const char *place);

/* _fast_values.c, as serde.py. */
PyObject *fast_make_timed(PyObject *module, PyObject *arguments);

/* _fast_memory.c, as resident.py. */
PyObject *fast_statm(PyObject *module, PyObject *arguments);
PyObject *fast_looked(PyObject *module, PyObject *arguments);
PyObject *fast_memory_after(PyObject *module, PyObject *now_ns);
PyObject *fast_memory_before(PyObject *module, PyObject *now_ns);
long long fast_after(long long now_ns);
long long fast_before(long long now_ns);
int fast_between(long long at_ns, long long duration_ns, long long *highest);

/* _fast_nodes.c, as nodes.py and records.py. */
PyObject *fast_nodes(PyObject *module, PyObject *arguments);
PyObject *fast_node_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_peak(PyObject *module, PyObject *arguments);
PyObject *fast_node(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
#endif

#endif
