/* The methods of an instrumented serializer: see serde.py.
 *
 * Called as a method of Python is, without a frame of its own between the saver and the serializer.
 */
#include "_fast.h"
#ifndef _WIN32
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *method, *in_python;
    int dumps;
} Timed;

static PyTypeObject *timed_type;

static PyObject *call(PyObject *self, PyObject *const *arguments, size_t flagged, PyObject *names)
{
    Timed *timed = (Timed *)self;

    if (PyVectorcall_NARGS(flagged) != 2 || (names && PyTuple_GET_SIZE(names)))
        return PyObject_Vectorcall(timed->in_python, arguments, flagged, names);
    return fast_timed(timed->method, arguments[0], arguments[1], timed->dumps);
}

static PyObject *bound(PyObject *self, PyObject *instance, PyObject *owner)
{
    return instance && instance != Py_None ? PyMethod_New(self, instance) : Py_NewRef(self);
}

/* What a function of Python has: its name, its signature. */
static PyObject *attribute(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);

    if (!found && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttr(((Timed *)self)->in_python, name);
    }
    return found;
}

static int visit_all(Timed *timed, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(timed));
    Py_VISIT(timed->method);
    Py_VISIT(timed->in_python);
    return 0;
}

static int clear_all(Timed *timed)
{
    Py_CLEAR(timed->method);
    Py_CLEAR(timed->in_python);
    return 0;
}

static void let_go(Timed *timed)
{
    PyTypeObject *type = Py_TYPE(timed);

    PyObject_GC_UnTrack(timed);
    clear_all(timed);
    type->tp_free(timed);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Timed, call), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(Timed, in_python), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, bound},
    {Py_tp_getattro, attribute},
    {Py_tp_members, members},
    {Py_tp_traverse, visit_all},
    {Py_tp_clear, clear_all},
    {Py_tp_dealloc, let_go},
    {0, NULL},
};

static PyType_Spec spec = {
    "statemeter._fast.Timed", sizeof(Timed), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR
        | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    slots,
};

/* timed(method of a serializer, the same around it in Python, whether it serializes) */
PyObject *fast_make_timed(PyObject *module, PyObject *arguments)
{
    PyObject *method, *in_python;
    Timed *made;
    int dumps;

    if (!PyArg_ParseTuple(arguments, "OOp:timed", &method, &in_python, &dumps))
        return NULL;
    if (!timed_type && !(timed_type = (PyTypeObject *)PyType_FromSpec(&spec)))
        return NULL;
    if (!(made = (Timed *)timed_type->tp_alloc(timed_type, 0)))
        return NULL;
    made->call = call;
    made->method = Py_NewRef(method);
    made->in_python = Py_NewRef(in_python);
    made->dumps = dumps;
    return (PyObject *)made;
}
#endif
