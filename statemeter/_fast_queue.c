/* The queue of probe.py: what is put into it, and what the probe's thread takes out of it.
 *
 * Only the usual is done here; of an event that C cannot make Python is asked, as for all that it
 * writes and counts besides.
 */
#include "_fast_fields.h"

enum { START, APPEND, POPLEFT, ADD, WORDS };

static const char *const written[WORDS] = {"start", "append", "popleft", "_add"};
static PyObject *word[WORDS];

typedef PyObject *(*Make)(PyObject *, PyObject *const *, Py_ssize_t);

static const struct {
    const char *name;
    Make made;
} makers[] = {
    {"put", fast_put},
    {"writes", fast_writes},
    {"read", fast_read},
#ifndef _WIN32
    {"node", fast_node},
#endif
    {NULL, NULL},
};

#define MOST_BUILDS 8

/* What makes the fields of an event here, by the function that does so in Python. */
static struct {
    PyObject *in_python, *first;
    Make made;
} builds[MOST_BUILDS];
static int known;

int fast_queue_begin(void)
{
    return fast_intern(word, written, WORDS);
}

/* builds(name, function in Python, first argument or None): its events are made here. */
PyObject *fast_builds(PyObject *module, PyObject *arguments)
{
    PyObject *in_python, *first;
    const char *name;
    int i;

    if (!PyArg_ParseTuple(arguments, "sOO:builds", &name, &in_python, &first))
        return NULL;
    if (known < MOST_BUILDS) {
        for (i = 0; makers[i].name && strcmp(makers[i].name, name); i++)
            ;
        builds[known].made = makers[i].made;
        if (makers[i].made) {
            builds[known].in_python = Py_NewRef(in_python);
            builds[known].first = first == Py_None ? NULL : Py_NewRef(first);
            known++;
        }
    }
    Py_RETURN_NONE;
}

int fast_room(PyObject *probe, long long more, long long *all)
{
    long long most = fast_number(probe, LIMIT);

    *all = fast_number(probe, HELD) + more;
    return PyErr_Occurred() ? -1 : *all <= most;
}

int fast_emit_to(PyObject *probe, PyObject *build, PyObject *item, long long held)
{
    PyObject *numbers = NULL, *number = NULL, *queue = NULL, *entry = NULL, *done = NULL;
    PyObject *running = NULL;

    if ((numbers = fast_get(probe, NUMBERS)) && (number = PyIter_Next(numbers))
        && (entry = PyTuple_Pack(3, number, build, item))
        && (queue = fast_get(probe, QUEUE)))
        done = PyObject_CallMethodOneArg(queue, word[APPEND], entry);
    Py_XDECREF(numbers);
    Py_XDECREF(number);
    Py_XDECREF(entry);
    Py_XDECREF(queue);
    if (!done) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_RuntimeError, "no number is left");
        return -1;
    }
    Py_DECREF(done);
    if (held >= 0 && fast_set(probe, HELD, PyLong_FromLongLong(held)))
        return -1;
    if (!(running = fast_get(probe, RUNNING)))
        return -1;
    Py_DECREF(running);
    if (running != Py_True) {
        if (!(done = PyObject_CallMethodNoArgs(probe, word[START])))
            return -1;
        Py_DECREF(done);
    }
    return 0;
}

/* Whether no exception is set that goes on to the caller, such as an interrupt. What failed here
 * comes again in Python, which counts it. */
static int is_left_to_python(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
        return 0;
    PyErr_Clear();
    return 1;
}

/* The record of one event, owned; NULL where Python has to make it, or with an exception set. */
static PyObject *record_of(PyObject *build, PyObject *item, long long seq)
{
    PyObject *arguments[3], *number, *fields = NULL, *record = NULL;
    int i, at = 0;

    for (i = 0; i < known && builds[i].in_python != build; i++)
        ;
    if (i == known || !(number = PyLong_FromLongLong(seq)))
        return NULL;
    if (builds[i].first)
        arguments[at++] = builds[i].first;
    arguments[at++] = number;
    arguments[at++] = item;
    if ((fields = builds[i].made(NULL, arguments, at)))
        record = fast_line(NULL, fields);
    if (record == Py_None)
        Py_CLEAR(record);
    Py_DECREF(number);
    Py_XDECREF(fields);
    return record;
}

/* The numbers of a probe while events are taken: its own are behind, but for what Python sees. */
typedef struct {
    PyObject *probe, *queue, *pending;
    long long seq, drained, newest, bytes;
} Taking;

static int load(Taking *to)
{
    to->seq = fast_number(to->probe, SEQ);
    to->drained = fast_number(to->probe, DRAINED);
    to->newest = fast_number(to->probe, NEWEST);
    return PyErr_Occurred() ? -1 : 0;
}

static int store(const Taking *from)
{
    return fast_set(from->probe, SEQ, PyLong_FromLongLong(from->seq))
                   || fast_set(from->probe, DRAINED, PyLong_FromLongLong(from->drained))
                   || fast_set(from->probe, NEWEST, PyLong_FromLongLong(from->newest)) ? -1 : 0;
}

/* Have Probe._add make a record. */
static int add_in_python(Taking *taking, PyObject *build, PyObject *item)
{
    PyObject *size;

    if (store(taking) || !(size = PyObject_CallMethodObjArgs(taking->probe, word[ADD], build, item, NULL)))
        return -1;
    taking->bytes += PyLong_AsLongLong(size);
    Py_DECREF(size);
    return load(taking);
}

/* Take one event: 1, or 0 where none was there; -1 with an exception set. */
static int take(Taking *taking)
{
    PyObject *entry = PyObject_CallMethodNoArgs(taking->queue, word[POPLEFT]), *record;
    long long number;
    int failed;

    if (!entry) {
        if (!PyErr_ExceptionMatches(PyExc_IndexError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    if (!PyTuple_CheckExact(entry) || PyTuple_GET_SIZE(entry) != 3
        || (number = PyLong_AsLongLong(PyTuple_GET_ITEM(entry, 0))) < 0) {
        Py_DECREF(entry);
        PyErr_SetString(PyExc_TypeError, "the queue has events alone");
        return -1;
    }
    taking->drained++;
    if (number > taking->newest)
        taking->newest = number;
    record = record_of(PyTuple_GET_ITEM(entry, 1), PyTuple_GET_ITEM(entry, 2), taking->seq + 1);
    if (record) {
        if (!(failed = PyList_Append(taking->pending, record))) {
            taking->seq++;
            taking->bytes += PyBytes_GET_SIZE(record);
        }
        Py_DECREF(record);
    } else {
        failed = !is_left_to_python()
                 || add_in_python(taking, PyTuple_GET_ITEM(entry, 1), PyTuple_GET_ITEM(entry, 2));
    }
    Py_DECREF(entry);
    return failed ? -1 : 1;
}

/* take(probe, most), as Probe._take: bytes of up to so many events, and whether there may be more. */
PyObject *fast_take(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    long long most = count == 2 ? PyLong_AsLongLong(arguments[1]) : -1;
    Taking taking = {.bytes = 0};
    PyObject *kind, *error, *trace;
    int one = -1;

    if (most < 0)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "take(probe, most)");
    taking.probe = arguments[0];
    taking.queue = fast_get(taking.probe, QUEUE);
    taking.pending = taking.queue ? fast_get(taking.probe, PENDING) : NULL;
    if (taking.pending && !PyList_CheckExact(taking.pending))
        PyErr_SetString(PyExc_TypeError, "_pending is a list");
    else if (taking.pending && !load(&taking)) {
        for (one = 1; one > 0 && most > 0; most--)
            one = take(&taking);
        PyErr_Fetch(&kind, &error, &trace);
        if (store(&taking))
            one = -1;
        if (kind)
            PyErr_Restore(kind, error, trace);
    }
    Py_XDECREF(taking.queue);
    Py_XDECREF(taking.pending);
    return one < 0 ? NULL : Py_BuildValue("(LO)", taking.bytes, one ? Py_True : Py_False);
}
