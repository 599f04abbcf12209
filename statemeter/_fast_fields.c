/* Fields of records: attributes of objects, and what a call noted.
 *
 * Only objects of the very type that is expected are looked into. Allocating may collect garbage,
 * which runs any code: all that is looked at meanwhile is owned here, and lists are copied first.
 */
#include "_fast_fields.h"
#include <structmember.h>

static const char *const spelled[FAST_NAMES] = {
    "at_ns", "duration_ns", "info", "key", "graph", "scope", "number", "saver", "thread", "ns",
    "checkpoint", "error", "serde_ns", "serializer", "names", "dumps", "detail", "loads_bytes",
    "queue", "_numbers", "held_bytes", "held_limit", "_running", "seq", "_pending", "_drained", "_newest",
    "put", "writes", "read", "node", "",
};
PyObject *fast_name[FAST_NAMES];

int fast_intern(PyObject **into, const char *const *written, int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (!into[i] && !(into[i] = PyUnicode_InternFromString(written[i])))
            return -1;
    return 0;
}

int fast_fields_begin(void)
{
    return fast_intern(fast_name, spelled, FAST_NAMES);
}

Py_ssize_t fast_offset_of(PyTypeObject *type, const char *named)
{
    /* From Python 3.12 on the types of the interpreter itself have none. */
    PyObject *found = type->tp_dict ? PyDict_GetItemString(type->tp_dict, named) : NULL;
    PyMemberDef *member;

    if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX && !(member->flags & READONLY) && member->offset > 0
            && member->offset + (Py_ssize_t)sizeof(PyObject *) <= type->tp_basicsize)
            return member->offset;
    }
    return -1;
}

/* Offsets of slots in the first classes that were met: a look-up by name takes ten times as long.
 * They are kept, so that no other class comes to lie where one of them was. */
#define MOST_TYPES 8
static struct {
    PyTypeObject *type;
    Py_ssize_t at[FAST_NAMES];
} met[MOST_TYPES];

/* Where a slot is; NULL where there is none. */
static PyObject **place(PyObject *of, int which)
{
    PyTypeObject *type = Py_TYPE(of);
    int i, j;

    for (i = 0; i < MOST_TYPES && met[i].type && met[i].type != type; i++)
        ;
    if (i < MOST_TYPES && !met[i].type && type->tp_dict && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        for (j = 0; j < FAST_NAMES; j++)
            met[i].at[j] = fast_offset_of(type, spelled[j]);
        met[i].type = (PyTypeObject *)Py_NewRef(type);
    }
    return i < MOST_TYPES && met[i].type == type && met[i].at[which] > 0
               ? (PyObject **)((char *)of + met[i].at[which]) : NULL;
}

PyObject *fast_get(PyObject *of, int which)
{
    PyObject **slot = place(of, which);

    return slot && *slot ? Py_NewRef(*slot) : PyObject_GetAttr(of, fast_name[which]);
}

int fast_set(PyObject *of, int which, PyObject *owned)
{
    PyObject **slot = owned ? place(of, which) : NULL;
    int failed = 0;

    if (slot) {
        Py_XSETREF(*slot, owned);
    } else {
        failed = !owned || PyObject_SetAttr(of, fast_name[which], owned);
        Py_XDECREF(owned);
    }
    return failed ? -1 : 0;
}

long long fast_number(PyObject *of, int which)
{
    PyObject *found = fast_get(of, which);
    long long number = found ? PyLong_AsLongLong(found) : -1;

    Py_XDECREF(found);
    return number;
}

void fast_add(Fields *fields, PyObject *owned)
{
    if (!owned || fields->count == FAST_MOST_FIELDS) {
        Py_XDECREF(owned);
        fields->failed = 1;
    } else {
        fields->of[fields->count++] = owned;
    }
}

void fast_add_number(Fields *fields, long long number)
{
    fast_add(fields, PyLong_FromLongLong(number));
}

PyObject *fast_ended(Fields *fields)
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

PyObject *fast_attribute(PyObject *of, int which, PyTypeObject *type)
{
    PyObject *found = fast_get(of, which);

    if (found && !Py_IS_TYPE(found, type))
        Py_CLEAR(found);
    return found;
}

void fast_add_attribute(Fields *fields, PyObject *of, int which, PyTypeObject *type)
{
    if (!fields->failed)
        fast_add(fields, fast_attribute(of, which, type));
}

/* An attribute in ns as µs. */
static PyObject *micros(PyObject *of, int which)
{
    PyObject *found = fast_attribute(of, which, &PyLong_Type);
    int overflow;
    long long ns;

    if (!found)
        return NULL;
    ns = PyLong_AsLongLongAndOverflow(found, &overflow);
    Py_DECREF(found);
    return ns < 0 || overflow ? NULL : PyLong_FromLongLong(ns / 1000);
}

void fast_add_micros(Fields *fields, PyObject *of, int which)
{
    if (!fields->failed)
        fast_add(fields, micros(of, which));
}

void fast_common(Fields *fields, int tag, PyObject *seq, PyObject *call, PyObject *checkpoint,
                 PyObject *serializer)
{
    PyObject *info = fast_get(call, INFO);
    PyObject *scope = info ? fast_get(call, SCOPE) : NULL;

    if (!scope) {
        Py_XDECREF(info);
        fields->failed = 1;
        return;
    }
    fast_add(fields, Py_NewRef(fast_name[tag]));
    fast_add(fields, Py_NewRef(seq));
    fast_add_micros(fields, call, AT);
    fast_add_micros(fields, call, DURATION);
    fast_add_attribute(fields, info, KEY, &PyUnicode_Type);
    fast_add_attribute(fields, scope == Py_None ? info : scope, GRAPH, &PyUnicode_Type);
    if (scope == Py_None)
        fast_add_number(fields, 0);
    else
        fast_add_attribute(fields, scope, NUMBER, &PyLong_Type);
    fast_add_attribute(fields, call, THREAD, &PyUnicode_Type);
    fast_add_attribute(fields, call, NS, &PyUnicode_Type);
    if (checkpoint)
        fast_add(fields, Py_NewRef(checkpoint));
    else
        fast_add_attribute(fields, call, CHECKPOINT, &PyUnicode_Type);
    fast_add_attribute(fields, call, ERROR, &PyUnicode_Type);
    fast_add_micros(fields, call, SERDE);
    if (serializer)
        fast_add(fields, Py_NewRef(serializer));
    else
        fast_add_attribute(fields, call, SERIALIZER, &PyUnicode_Type);
    Py_DECREF(info);
    Py_DECREF(scope);
}

int fast_noted(PyObject *call, Py_ssize_t many, PyObject **names, PyObject **dumps)
{
    PyObject *list, *dump;
    Py_ssize_t i;

    *dumps = NULL;
    *names = fast_attribute(call, NAMES, &PyTuple_Type);
    if (!*names || PyTuple_GET_SIZE(*names) != many || !(list = fast_attribute(call, DUMPS, &PyList_Type)))
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

int fast_given(Given *found, PyObject *names, PyObject *ids)
{
    PyObject *numbers;
    Py_ssize_t i;
    int overflow, whole;

    found->names = NULL;
    if (!PyList_CheckExact(names) || !PyList_CheckExact(ids)
        || !(found->names = PyList_AsTuple(names)) || !(numbers = PyList_AsTuple(ids)))
        return 0;
    found->count = PyTuple_GET_SIZE(found->names);
    whole = found->count <= FAST_MOST_CHANNELS && PyTuple_GET_SIZE(numbers) == found->count;
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

long long fast_id_at(PyObject *dumps, Py_ssize_t i)
{
    int overflow;
    return PyLong_AsLongLongAndOverflow(PyTuple_GET_ITEM(dumps, i), &overflow);
}

