/* Fields of the usual put: the same as puts.py makes of a call.
 *
 * The usual put is one of a saver that serializes each channel for itself, with LangGraph's
 * msgpack, and nothing let go. Of any other nothing is made, and Python does it.
 */
#include "_fast_fields.h"

#define LARGEST 3 /* events.LARGEST_ELEMENTS */

static Bytes bytes_of(PyObject *dump)
{
    const uint8_t *from = (const uint8_t *)PyBytes_AS_STRING(PyTuple_GET_ITEM(dump, 1));
    return (Bytes){from, from + size_of(dump)};
}

static int is(PyObject *text, const char *other)
{
    return PyUnicode_CompareWithASCIIString(text, other) == 0;
}

static int set(PyObject *map, PyObject *key, PyObject *owned)
{
    int done = owned ? PyDict_SetItem(map, key, owned) : -1;
    Py_XDECREF(owned);
    return done == 0;
}

/* What was serialized of the channels, and the rest: all borrowed of the dumps. */
typedef struct {
    PyObject *blobs[FAST_MOST_CHANNELS], *document;
    Py_ssize_t order[FAST_MOST_CHANNELS], count, blob_bytes, metadata_bytes;
} Shares;

/* puts._shared_out; 0 where the document holds the values as well, or was not seen. */
static int share_out(Shares *to, const Given *channels, PyObject *dumps, long long whole)
{
    Py_ssize_t i, j, at;
    PyObject *dump;
    long long owner;

    *to = (Shares){.metadata_bytes = -1};
    for (i = 0; i < PyTuple_GET_SIZE(dumps); i += 2) {
        owner = fast_id_at(dumps, i);
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
        fast_add_number(fields, 0); /* changed: all of them */
        fast_add(fields, Py_NewRef(lists));
    }
    if (last >= 5) {
        fast_add(fields, Py_NewRef(fast_name[EMPTY])); /* why unknown */
        fast_add_number(fields, 0); /* inline */
        fast_add(fields, Py_NewRef(root));
    }
    if (last >= 6)
        fast_add(fields, Py_NewRef(deltas));
    if (last >= 7)
        fast_add(fields, Py_NewRef(snapshots));
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
    if (fast_noted(arguments[1], 10, &names, &dumps) && are_plain(names)
        && fast_given(&channels, PyTuple_GET_ITEM(names, 4), PyTuple_GET_ITEM(names, 5))
        && share_out(&shares, &channels, dumps, fast_id_at(names, 0))
        && fast_bookkeeping(bytes_of(shares.document), &bookkeeping)
        && (sizes = PyDict_New()) && (lists = PyDict_New())
        && measure(&shares, &channels, PyTuple_GET_ITEM(names, 7), sizes, lists)) {
        fields.failed = 0;
        source = PyTuple_GET_ITEM(names, 3);
        fast_common(&fields, PUT, arguments[0], arguments[1], PyTuple_GET_ITEM(names, 1),
               tag_of(shares.document));
        fast_add_attribute(&fields, arguments[1], CHECKPOINT, &PyUnicode_Type); /* the parent */
        fast_add(&fields, Py_NewRef(PyTuple_GET_ITEM(names, 2)));
        fast_add(&fields, Py_NewRef(source == Py_None ? fast_name[EMPTY] : source));
        fast_add_number(&fields, size_of(shares.document));
        fast_add_number(&fields, shares.blob_bytes);
        fast_add_number(&fields, shares.metadata_bytes);
        fast_add_number(&fields, bookkeeping);
        fast_add_number(&fields, 0); /* not whole */
        fast_add(&fields, Py_NewRef(sizes));
        add_ends(&fields, lists, names);
    }
    Py_XDECREF(channels.names);
    Py_XDECREF(names);
    Py_XDECREF(dumps);
    Py_XDECREF(sizes);
    Py_XDECREF(lists);
    return fast_ended(&fields);
}
