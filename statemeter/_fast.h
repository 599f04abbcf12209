/* What the files of the probe's C part share. Each does what a module in Python does as well. */
#ifndef STATEMETER_FAST_H
#define STATEMETER_FAST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

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

/* _fast_puts.c, as puts.py and records.py. */
PyObject *fast_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_writes(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
int fast_puts_begin(void);

/* _fast_notes.c, as notes.py. */
PyObject *fast_note_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
int fast_notes_begin(void);

#ifndef _WIN32
/* _fast_calls.c, as calls.py and serde.py. */
PyObject *fast_measures(PyObject *module, PyObject *arguments);
PyObject *fast_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_end(PyObject *module, PyObject *call);
PyObject *fast_dumped(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *fast_loaded(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
#endif

#endif
