/* Fields of the usual pending writes, reads and nodes: the same as records.py makes of them. */
#include "_fast_fields.h"

#define PULL "~__pregel_pull, "

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
        node = found ? PyUnicode_Substring(path, prefix, PY_SSIZE_T_MAX) : Py_NewRef(fast_name[EMPTY]);
    }
    if (node && !PyUnicode_CheckExact(node))
        Py_CLEAR(node);
    if (node && PyUnicode_GET_LENGTH(node) >= 2 && PyUnicode_READ_CHAR(node, 0) == '_'
        && PyUnicode_READ_CHAR(node, 1) == '_')
        Py_SETREF(node, Py_NewRef(fast_name[EMPTY]));
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
    if (fast_noted(arguments[2], 4, &names, &dumps)
        && PyUnicode_CheckExact(task = PyTuple_GET_ITEM(names, 2))
        && PyUnicode_CheckExact(path = PyTuple_GET_ITEM(names, 3))
        && fast_given(&written, PyTuple_GET_ITEM(names, 0), PyTuple_GET_ITEM(names, 1))
        && (told = PyList_New(0))) {
        fields.failed = 0;
        for (i = 0; i < written.count && !fields.failed; i++) {
            size = -1;
            if (at < PyTuple_GET_SIZE(dumps) && fast_id_at(dumps, at) == written.ids[i]) {
                size = size_of(PyTuple_GET_ITEM(dumps, at + 1));
                at += 2;
            }
            pair = Py_BuildValue("On", PyTuple_GET_ITEM(written.names, i), size);
            fields.failed = !pair || PyList_Append(told, pair);
            Py_XDECREF(pair);
        }
        if (!fields.failed)
            fast_common(&fields, WRITES, arguments[1], arguments[2], NULL,
                   PyTuple_GET_SIZE(dumps) ? tag_of(PyTuple_GET_ITEM(dumps, 1)) : NULL);
        fast_add(&fields, Py_NewRef(task));
        if (!fields.failed)
            fast_add(&fields, node_of(arguments[0], task, path));
        fast_add(&fields, Py_NewRef(told));
    }
    Py_XDECREF(written.names);
    Py_XDECREF(names);
    Py_XDECREF(dumps);
    Py_XDECREF(told);
    return fast_ended(&fields);
}

/* read(seq, call) */
PyObject *fast_read(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Fields fields = {.failed = 0};
    PyObject *detail;
    int found;

    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "read takes a number and a call");
    fast_common(&fields, READ, arguments[0], arguments[1], NULL, NULL);
    if (!fields.failed && (detail = fast_get(arguments[1], DETAIL))) {
        found = PyBool_Check(detail) || detail == Py_None ? detail == Py_True : -1;
        Py_DECREF(detail);
        fast_add(&fields, found < 0 ? NULL : PyLong_FromLong(found));
        fast_add_attribute(&fields, arguments[1], LOADS, &PyLong_Type);
    } else {
        fields.failed = 1;
    }
    return fast_ended(&fields);
}
