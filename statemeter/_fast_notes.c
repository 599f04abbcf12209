/* What a put notes of its arguments, in the application's own thread: the same as notes.put.
 *
 * Only dictionaries of the exact type with names of the exact type are looked into, so that no code
 * of theirs runs; of others nothing is made, and Python does it.
 */
#include "_fast.h"

enum { VALUES, ID, STEP, SOURCE, PARENTS, COUNTERS, ROOT, WORDS };

static const char *const written[WORDS] = {
    "channel_values", "id", "step", "source", "parents", "counters_since_delta_snapshot", "",
};
static PyObject *word[WORDS];

int fast_notes_begin(void)
{
    return fast_intern(word, written, WORDS);
}

/* An entry of a dictionary, owned; what stands for it, or NULL, where there is none. */
static PyObject *entry(PyObject *map, int which, PyObject *otherwise)
{
    PyObject *found = PyDict_GetItemWithError(map, word[which]);

    return PyErr_Occurred() ? NULL : Py_XNewRef(found ? found : otherwise);
}

/* Ids of the values of channels, 0 where there is none, and which of them are snapshots. */
static int look_up(PyObject *channels, PyObject *values, PyObject *snapshot, PyObject *ids,
                   PyObject *snapshots)
{
    PyObject *channel, *value, *id;
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(channels); i++) {
        channel = PyList_GET_ITEM(channels, i); /* nobody else has the list */
        if (!PyUnicode_CheckExact(channel))
            return 0;
        value = PyDict_GetItemWithError(values, channel);
        if (PyErr_Occurred())
            return 0;
        if (value && (PyObject *)Py_TYPE(value) == snapshot && PyList_Append(snapshots, channel))
            return 0;
        if (!(id = value ? PyLong_FromVoidPtr(value) : PyLong_FromLong(0)))
            return 0;
        PyList_SET_ITEM(ids, i, id);
    }
    return 1;
}

/* The root checkpoint that a subgraph's parents name, owned; NULL where Python has to look. */
static PyObject *root_of(PyObject *metadata)
{
    PyObject *root = NULL, *parents = entry(metadata, PARENTS, Py_None);

    if (parents == Py_None)
        root = Py_NewRef(word[ROOT]);
    else if (parents && PyDict_CheckExact(parents))
        root = entry(parents, ROOT, word[ROOT]);
    Py_XDECREF(parents);
    return root;
}

/* Whether no delta channel is counted. */
static int is_without_deltas(PyObject *metadata)
{
    PyObject *counters = entry(metadata, COUNTERS, Py_None);
    int is_empty = counters == Py_None
                   || (counters && PyDict_CheckExact(counters) && !PyDict_GET_SIZE(counters));

    Py_XDECREF(counters);
    return is_empty;
}

/* note_put(checkpoint, metadata, new_versions, class of snapshots); None: Python has to do it. */
PyObject *fast_note_put(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *values = NULL, *id = NULL, *step = NULL, *source = NULL, *root = NULL, *made = NULL;
    PyObject *channels = NULL, *ids = NULL, *snapshots = NULL, *deltas = NULL;

    if (count != 4)
        return PyErr_Format(PyExc_TypeError, "note_put takes four arguments");
    if (PyDict_CheckExact(arguments[0]) && PyDict_CheckExact(arguments[1])
        && PyDict_CheckExact(arguments[2]) && is_without_deltas(arguments[1])
        && (root = root_of(arguments[1])) && (values = entry(arguments[0], VALUES, NULL))
        && PyDict_CheckExact(values) && (id = entry(arguments[0], ID, NULL))
        && (step = entry(arguments[1], STEP, Py_None))
        && (source = entry(arguments[1], SOURCE, Py_None)) && (deltas = PyDict_New())
        && (snapshots = PyList_New(0)) && (channels = PyDict_Keys(arguments[2]))
        && (ids = PyList_New(PyList_GET_SIZE(channels)))
        && look_up(channels, values, arguments[3], ids, snapshots))
        made = Py_BuildValue("(NOOOOOOOOO)", PyLong_FromVoidPtr(arguments[0]), id, step, source,
                             channels, ids, root, deltas, snapshots, Py_None);
    Py_XDECREF(values);
    Py_XDECREF(id);
    Py_XDECREF(step);
    Py_XDECREF(source);
    Py_XDECREF(root);
    Py_XDECREF(channels);
    Py_XDECREF(ids);
    Py_XDECREF(snapshots);
    Py_XDECREF(deltas);
    if (!made && !PyErr_Occurred())
        Py_RETURN_NONE;
    return made;
}
