/* Fields of records, one by one: what the files that make them share. */
#ifndef STATEMETER_FAST_FIELDS_H
#define STATEMETER_FAST_FIELDS_H

#include "_fast.h"

#define FAST_MOST_FIELDS 32
#define FAST_MOST_CHANNELS 64

/* Names of attributes, and texts of records. */
enum { AT, DURATION, INFO, KEY, GRAPH, SCOPE, NUMBER, SAVER, THREAD, NS, CHECKPOINT, ERROR, SERDE,
       SERIALIZER, NAMES, DUMPS, DETAIL, LOADS,
       QUEUE, NUMBERS, HELD, LIMIT, RUNNING, SEQ, PENDING, DRAINED, NEWEST, PUT, WRITES, READ, NODE, EMPTY, FAST_NAMES };
extern PyObject *fast_name[FAST_NAMES];

/* Fields of a record, each owned; what is not there, or not as expected, makes it fail. */
typedef struct {
    PyObject *of[FAST_MOST_FIELDS];
    Py_ssize_t count;
    int failed;
} Fields;

void fast_add(Fields *fields, PyObject *owned);
void fast_add_number(Fields *fields, long long number);

/* An attribute, owned; NULL with an exception set. */
PyObject *fast_get(PyObject *of, int which);

/* Set one to an object that is owned; -1 with an exception set, which there is where it is none. */
int fast_set(PyObject *of, int which, PyObject *owned);

/* One that is a number; -1 with an exception set. */
long long fast_number(PyObject *of, int which);

/* An attribute, owned; NULL where it is not of a type, with no exception set. */
PyObject *fast_attribute(PyObject *of, int which, PyTypeObject *type);
void fast_add_attribute(Fields *fields, PyObject *of, int which, PyTypeObject *type);

/* The fields as a tuple; None where Python has to make them, NULL with an exception set. */
PyObject *fast_ended(Fields *fields);

/* records.common; the last two are borrowed and may be NULL: the call's own. */
void fast_common(Fields *fields, int tag, PyObject *seq, PyObject *call, PyObject *checkpoint,
                 PyObject *serializer);

/* What a call noted, owned: its names, and by turns id and (tag, bytes). 0 where it is not that. */
int fast_noted(PyObject *call, Py_ssize_t many, PyObject **names, PyObject **dumps);

/* An id that was noted beside a dump; -1 where it is none. */
long long fast_id_at(PyObject *dumps, Py_ssize_t i);

/* Names and ids of what was given, side by side, owned; 0 where they are not that. */
typedef struct {
    PyObject *names;
    Py_ssize_t count;
    long long ids[FAST_MOST_CHANNELS];
} Given;

int fast_given(Given *found, PyObject *names, PyObject *ids);

static inline PyObject *tag_of(PyObject *dump)
{
    return PyTuple_GET_ITEM(dump, 0);
}

static inline Py_ssize_t size_of(PyObject *dump)
{
    return PyBytes_GET_SIZE(PyTuple_GET_ITEM(dump, 1));
}

#endif
