/* Fields of the usual Put and Writes: the same as puts.py and records.py make of a call.
 *
 * The usual put is one of a saver that serializes each channel for itself, with LangGraph's
 * msgpack, and nothing let go. Of any other nothing is made, and Python does it; so it is where an
 * object is not of the very type that is expected. Allocating may collect garbage, which runs any
 * code: all that is looked at meanwhile is owned here, and lists are copied first.
 */
#include "_fast.h"

#define MOST_FIELDS 32
#define MOST_CHANNELS 64
#define LARGEST 3 /* events.LARGEST_ELEMENTS */
#define PULL "~__pregel_pull, "

enum { AT, DURATION, INFO, KEY, GRAPH, SCOPE, NUMBER, THREAD, NS, CHECKPOINT, ERROR, SERDE,
       SERIALIZER, NAMES, DUMPS, PUT, WRITES, EMPTY, ALL };

static const char *const spelled[ALL] = {
    "at_ns", "duration_ns", "info", "key", "graph", "scope", "number", "thread", "ns", "checkpoint",
    "error", "serde_ns", "serializer", "names", "dumps", "put", "writes", "",
};
static PyObject *name[ALL];

int fast_puts_begin(void)
{
    int i;

    for (i = 0; i < ALL; i++)
        if (!name[i] && !(name[i] = PyUnicode_InternFromString(spelled[i])))
            return -1;
    return 0;
}

/* Fields of a record, each owned; what is not there, or not as expected, makes it fail. */
typedef struct {
    PyObject *of[MOST_FIELDS];
    Py_ssize_t count;
    int failed;
} Fields;

static void add(Fields *fields, PyObject *owned)
{
    if (!owned || fields->count == MOST_FIELDS) {
        Py_XDECREF(owned);
        fields->failed = 1;
    } else {
        fields->of[fields->count++] = owned;
    }
}

static void add_size(Fields *fields, Py_ssize_t size)
{
    add(fields, PyLong_FromSsize_t(size));
}

/* The fields as a tuple; None where Python has to make them, NULL with an exception set. */
static PyObject *ended(Fields *fields)
{
    PyObject *made = NULL;
    Py_ssize_t i;

    if (!fields->failed && !PyErr_Occurred())
        made = PyTuple_New(fields->count);
    for (i = 0; i < fields->count; i++)
        if (made)
            PyTuple_SET_ITEM(made, i, fields->of[i]);
        else
            Py_DECREF(fields->of[i]);
    if (!made && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    if (!made && !PyErr_Occurred())
        Py_RETURN_NONE;
    return made;
}

/* An attribute, owned; NULL where it is not of a type, with no exception set. */
static PyObject *attribute(PyObject *of, int which, PyTypeObject *type)
{
    PyObject *found = PyObject_GetAttr(of, name[which]);

    if (found && !Py_IS_TYPE(found, type))
        Py_CLEAR(found);
    return found;
}

static void add_attribute(Fields *fields, PyObject *of, int which, PyTypeObject *type)
{
    if (!fields->failed)
        add(fields, attribute(of, which, type));
}

/* An attribute in ns as µs. */
static PyObject *micros(PyObject *of, int which)
{
    PyObject *found = attribute(of, which, &PyLong_Type);
    int overflow;
    long long ns;

    if (!found)
        return NULL;
    ns = PyLong_AsLongLongAndOverflow(found, &overflow);
    Py_DECREF(found);
    return ns < 0 || overflow ? NULL : PyLong_FromLongLong(ns / 1000);
}

static void add_micros(Fields *fields, PyObject *of, int which)
{
    if (!fields->failed)
        add(fields, micros(of, which));
}

/* records.common; the last two are borrowed and may be NULL: the call's own. */
static void common(Fields *fields, int tag, PyObject *seq, PyObject *call, PyObject *checkpoint,
                   PyObject *serializer)
{
    PyObject *info = PyObject_GetAttr(call, name[INFO]);
    PyObject *scope = info ? PyObject_GetAttr(call, name[SCOPE]) : NULL;

    if (!scope) {
        Py_XDECREF(info);
        fields->failed = 1;
        return;
    }
    add(fields, Py_NewRef(name[tag]));
    add(fields, Py_NewRef(seq));
    add_micros(fields, call, AT);
    add_micros(fields, call, DURATION);
    add_attribute(fields, info, KEY, &PyUnicode_Type);
    add_attribute(fields, scope == Py_None ? info : scope, GRAPH, &PyUnicode_Type);
    if (scope == Py_None)
        add_size(fields, 0);
    else
        add_attribute(fields, scope, NUMBER, &PyLong_Type);
    add_attribute(fields, call, THREAD, &PyUnicode_Type);
    add_attribute(fields, call, NS, &PyUnicode_Type);
    if (checkpoint)
        add(fields, Py_NewRef(checkpoint));
    else
        add_attribute(fields, call, CHECKPOINT, &PyUnicode_Type);
    add_attribute(fields, call, ERROR, &PyUnicode_Type);
    add_micros(fields, call, SERDE);
    if (serializer)
        add(fields, Py_NewRef(serializer));
    else
        add_attribute(fields, call, SERIALIZER, &PyUnicode_Type);
    Py_DECREF(info);
    Py_DECREF(scope);
}

/* What a call noted, owned: its names, and by turns id and (tag, bytes). 0 where it is not that. */
static int noted(PyObject *call, Py_ssize_t many, PyObject **names, PyObject **dumps)
{
    PyObject *list, *dump;
    Py_ssize_t i;

    *dumps = NULL;
    *names = attribute(call, NAMES, &PyTuple_Type);
    if (!*names || PyTuple_GET_SIZE(*names) != many || !(list = attribute(call, DUMPS, &PyList_Type)))
        return 0;
    *dumps = PyList_AsTuple(list);
    Py_DECREF(list);
    if (!*dumps || PyTuple_GET_SIZE(*dumps) % 2)
        return 0;
    for (i = 0; i < PyTuple_GET_SIZE(*dumps); i += 2) {
        dump = PyTuple_GET_ITEM(*dumps, i + 1);
        if (!PyLong_CheckExact(PyTuple_GET_ITEM(*dumps, i)) || !PyTuple_CheckExact(dump)
            || PyTuple_GET_SIZE(dump) != 2 || !PyUnicode_CheckExact(PyTuple_GET_ITEM(dump, 0))
            || !PyBytes_CheckExact(PyTuple_GET_ITEM(dump, 1)))
            return 0;
    }
    return 1;
}

static PyObject *tag_of(PyObject *dump)
{
    return PyTuple_GET_ITEM(dump, 0);
}

static Py_ssize_t size_of(PyObject *dump)
{
    return PyBytes_GET_SIZE(PyTuple_GET_ITEM(dump, 1));
}

static Bytes bytes_of(PyObject *dump)
{
    const uint8_t *from = (const uint8_t *)PyBytes_AS_STRING(PyTuple_GET_ITEM(dump, 1));
    return (Bytes){from, from + size_of(dump)};
}

static int is(PyObject *text, const char *other)
{
    return PyUnicode_CompareWithASCIIString(text, other) == 0;
}

/* Names and ids of what was given, side by side, owned; 0 where they are not that. */
typedef struct {
    PyObject *names;
    Py_ssize_t count;
    long long ids[MOST_CHANNELS];
} Given;

static int given(Given *found, PyObject *names, PyObject *ids)
{
    PyObject *numbers;
    Py_ssize_t i;
    int overflow, whole;

    found->names = NULL;
    if (!PyList_CheckExact(names) || !PyList_CheckExact(ids)
        || !(found->names = PyList_AsTuple(names)) || !(numbers = PyList_AsTuple(ids)))
        return 0;
    found->count = PyTuple_GET_SIZE(found->names);
    whole = found->count <= MOST_CHANNELS && PyTuple_GET_SIZE(numbers) == found->count;
    for (i = 0; whole && i < found->count; i++) {
        whole = PyUnicode_CheckExact(PyTuple_GET_ITEM(found->names, i))
                && PyLong_CheckExact(PyTuple_GET_ITEM(numbers, i));
        if (whole)
            found->ids[i] = PyLong_AsLongLongAndOverflow(PyTuple_GET_ITEM(numbers, i), &overflow);
        whole = whole && !overflow && found->ids[i] >= 0; /* an address: -1 is that of no dump */
    }
    Py_DECREF(numbers);
    return whole;
}

/* An id that was noted beside a dump; -1 where it is none. */
static long long id_at(PyObject *dumps, Py_ssize_t i)
{
    int overflow;
    return PyLong_AsLongLongAndOverflow(PyTuple_GET_ITEM(dumps, i), &overflow);
}

static int set(PyObject *map, PyObject *key, PyObject *owned)
{
    int done = owned ? PyDict_SetItem(map, key, owned) : -1;
    Py_XDECREF(owned);
    return done == 0;
}

/* What was serialized of the channels, and the rest: all borrowed of the dumps. */
typedef struct {
    PyObject *blobs[MOST_CHANNELS], *document;
    Py_ssize_t order[MOST_CHANNELS], count, blob_bytes, metadata_bytes;
} Shares;

/* puts._shared_out; 0 where the document holds the values as well, or was not seen. */
static int share_out(Shares *to, const Given *channels, PyObject *dumps, long long whole)
{
    Py_ssize_t i, j, at;
    PyObject *dump;
    long long owner;

    *to = (Shares){.metadata_bytes = -1};
    for (i = 0; i < PyTuple_GET_SIZE(dumps); i += 2) {
        owner = id_at(dumps, i);
        dump = PyTuple_GET_ITEM(dumps, i + 1);
        if (owner == whole || owner <= 0)
            return 0;
        /* One object in two channels is serialized once for each, in their order. */
        for (at = -1, j = 0; j < channels->count; j++)
            if (channels->ids[j] == owner) {
                at = j;
                if (!to->blobs[j])
                    break;
            }
        if (at >= 0) {
            if (to->blobs[at])
                to->blob_bytes -= size_of(to->blobs[at]);
            else
                to->order[to->count++] = at;
            to->blobs[at] = dump;
            to->blob_bytes += size_of(dump);
        } else if (!to->document) {
            to->document = dump;
        } else {
            to->metadata_bytes = size_of(dump) + (to->metadata_bytes < 0 ? 0 : to->metadata_bytes);
        }
    }
    return to->document && is(tag_of(to->document), "msgpack");
}

/* puts._measured, into two maps; 0 where Python has to do it. */
static int measure(const Shares *shares, const Given *channels, PyObject *deltas, PyObject *sizes,
                   PyObject *lists)
{
    Py_ssize_t i, emptied = 0;
    PyObject *channel, *dump, *found;
    int known;

    for (i = 0; i < channels->count; i++)
        if (channels->ids[i] == 0) {
            channel = PyTuple_GET_ITEM(channels->names, i);
            known = PyDict_Contains(deltas, channel);
            if (known < 0 || (!known && PyDict_SetItem(sizes, channel, Py_None)))
                return 0;
            emptied += !known;
        }
    for (i = 0; i < shares->count; i++) {
        channel = PyTuple_GET_ITEM(channels->names, shares->order[i]);
        dump = shares->blobs[shares->order[i]];
        if (is(tag_of(dump), "json") || !set(sizes, channel, PyLong_FromSsize_t(size_of(dump))))
            return 0;
        if (!is(tag_of(dump), "msgpack"))
            continue;
        found = fast_measure_list(bytes_of(dump), LARGEST);
        if (found == Py_None)
            Py_DECREF(found);
        else if (!set(lists, channel, found))
            return 0;
    }
    return PyDict_GET_SIZE(sizes) == emptied + shares->count; /* a name that came twice: Python */
}

/* puts._bounded: what follows the sizes, as far as there is any. */
static void add_ends(Fields *fields, PyObject *lists, PyObject *names)
{
    PyObject *root = PyTuple_GET_ITEM(names, 6), *deltas = PyTuple_GET_ITEM(names, 7);
    PyObject *snapshots = PyTuple_GET_ITEM(names, 8);
    int last = PyList_GET_SIZE(snapshots) ? 7 : PyDict_GET_SIZE(deltas) ? 6
               : PyUnicode_GET_LENGTH(root) ? 5 : PyDict_GET_SIZE(lists) ? 2 : 0;

    if (last >= 2) {
        add_size(fields, 0); /* changed: all of them */
        add(fields, Py_NewRef(lists));
    }
    if (last >= 5) {
        add(fields, Py_NewRef(name[EMPTY])); /* why unknown */
        add_size(fields, 0); /* inline */
        add(fields, Py_NewRef(root));
    }
    if (last >= 6)
        add(fields, Py_NewRef(deltas));
    if (last >= 7)
        add(fields, Py_NewRef(snapshots));
}

/* Whether a call's names are those of notes.put, with nothing beside the serializer. */
static int are_plain(PyObject *names)
{
    PyObject *source = PyTuple_GET_ITEM(names, 3);

    return PyLong_CheckExact(PyTuple_GET_ITEM(names, 0))
           && PyUnicode_CheckExact(PyTuple_GET_ITEM(names, 1))
           && PyLong_CheckExact(PyTuple_GET_ITEM(names, 2))
           && (source == Py_None || PyUnicode_CheckExact(source))
           && PyUnicode_CheckExact(PyTuple_GET_ITEM(names, 6))
           && PyDict_CheckExact(PyTuple_GET_ITEM(names, 7))
           && PyList_CheckExact(PyTuple_GET_ITEM(names, 8))
           && PyTuple_GET_ITEM(names, 9) == Py_None;
}

/* put(seq, call) */
PyObject *fast_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *names = NULL, *dumps = NULL, *source, *sizes = NULL, *lists = NULL;
    Given channels = {.names = NULL};
    Fields fields = {.failed = 1};
    Py_ssize_t bookkeeping;
    Shares shares;

    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "put takes a number and a call");
    if (noted(arguments[1], 10, &names, &dumps) && are_plain(names)
        && given(&channels, PyTuple_GET_ITEM(names, 4), PyTuple_GET_ITEM(names, 5))
        && share_out(&shares, &channels, dumps, id_at(names, 0))
        && fast_bookkeeping(bytes_of(shares.document), &bookkeeping)
        && (sizes = PyDict_New()) && (lists = PyDict_New())
        && measure(&shares, &channels, PyTuple_GET_ITEM(names, 7), sizes, lists)) {
        fields.failed = 0;
        source = PyTuple_GET_ITEM(names, 3);
        common(&fields, PUT, arguments[0], arguments[1], PyTuple_GET_ITEM(names, 1),
               tag_of(shares.document));
        add_attribute(&fields, arguments[1], CHECKPOINT, &PyUnicode_Type); /* the parent */
        add(&fields, Py_NewRef(PyTuple_GET_ITEM(names, 2)));
        add(&fields, Py_NewRef(source == Py_None ? name[EMPTY] : source));
        add_size(&fields, size_of(shares.document));
        add_size(&fields, shares.blob_bytes);
        add_size(&fields, shares.metadata_bytes);
        add_size(&fields, bookkeeping);
        add_size(&fields, 0); /* not whole */
        add(&fields, Py_NewRef(sizes));
        add_ends(&fields, lists, names);
    }
    Py_XDECREF(channels.names);
    Py_XDECREF(names);
    Py_XDECREF(dumps);
    Py_XDECREF(sizes);
    Py_XDECREF(lists);
    return ended(&fields);
}

/* records._node: the node of a task, owned. */
static PyObject *node_of(PyObject *nodes, PyObject *task, PyObject *path)
{
    PyObject *pull, *node = PyDict_GetItemWithError(nodes, task);
    Py_ssize_t found, prefix = sizeof PULL - 1;

    if (PyErr_Occurred())
        return NULL;
    if (node) {
        Py_INCREF(node);
    } else {
        if (!(pull = PyUnicode_FromStringAndSize(PULL, prefix)))
            return NULL;
        found = PyUnicode_Tailmatch(path, pull, 0, PY_SSIZE_T_MAX, -1);
        Py_DECREF(pull);
        if (found < 0)
            return NULL;
        node = found ? PyUnicode_Substring(path, prefix, PY_SSIZE_T_MAX) : Py_NewRef(name[EMPTY]);
    }
    if (node && !PyUnicode_CheckExact(node))
        Py_CLEAR(node);
    if (node && PyUnicode_GET_LENGTH(node) >= 2 && PyUnicode_READ_CHAR(node, 0) == '_'
        && PyUnicode_READ_CHAR(node, 1) == '_')
        Py_SETREF(node, Py_NewRef(name[EMPTY]));
    return node;
}

/* writes(nodes, seq, call) */
PyObject *fast_writes(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *names = NULL, *dumps = NULL, *told = NULL, *task, *path, *pair;
    Given written = {.names = NULL};
    Fields fields = {.failed = 1};
    Py_ssize_t i, at = 0, size;

    if (count != 3 || !PyDict_CheckExact(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "writes takes a dict, a number and a call");
    if (noted(arguments[2], 4, &names, &dumps)
        && PyUnicode_CheckExact(task = PyTuple_GET_ITEM(names, 2))
        && PyUnicode_CheckExact(path = PyTuple_GET_ITEM(names, 3))
        && given(&written, PyTuple_GET_ITEM(names, 0), PyTuple_GET_ITEM(names, 1))
        && (told = PyList_New(0))) {
        fields.failed = 0;
        for (i = 0; i < written.count && !fields.failed; i++) {
            size = -1;
            if (at < PyTuple_GET_SIZE(dumps) && id_at(dumps, at) == written.ids[i]) {
                size = size_of(PyTuple_GET_ITEM(dumps, at + 1));
                at += 2;
            }
            pair = Py_BuildValue("On", PyTuple_GET_ITEM(written.names, i), size);
            fields.failed = !pair || PyList_Append(told, pair);
            Py_XDECREF(pair);
        }
        if (!fields.failed)
            common(&fields, WRITES, arguments[1], arguments[2], NULL,
                   PyTuple_GET_SIZE(dumps) ? tag_of(PyTuple_GET_ITEM(dumps, 1)) : NULL);
        add(&fields, Py_NewRef(task));
        if (!fields.failed)
            add(&fields, node_of(arguments[0], task, path));
        add(&fields, Py_NewRef(told));
    }
    Py_XDECREF(written.names);
    Py_XDECREF(names);
    Py_XDECREF(dumps);
    Py_XDECREF(told);
    return ended(&fields);
}
