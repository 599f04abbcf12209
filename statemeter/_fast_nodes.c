/* Around one attempt of a node: _NodeRun of nodes.py, and the record of it.
 *
 * What is not usual, such as an error, or a config that is no dictionary, is ended in Python.
 */
#include "_fast_fields.h"
#ifndef _WIN32

#define NODE_MEMORY 4096 /* records._NODE_MEMORY */

enum { DICT, OUR_NODE, CONFIGURABLE, THREAD_ID, CHECKPOINT_NS, TASK_ID, METADATA, MAPS, STEP, RUN_ID,
       PROBE, NOTHING, WORDS };

static const char *const written[WORDS] = {
    "__dict__", "_statemeter_node", "configurable", "thread_id", "checkpoint_ns",
    "__pregel_task_id", "metadata", "maps", "langgraph_step", "run_id", "_probe", "",
};
static PyObject *word[WORDS];
static PyObject *scope_variable, *probes, *build, *fault, *ended, *note_run, *between;

typedef struct {
    PyObject_HEAD
    PyObject *node, *config, *scope, *thread, *ns, *step, *task;
    long long at_ns, start_ns, duration_ns, before, after;
} NodeRun;

static PyTypeObject *run_type;

static int visit_all(NodeRun *run, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(run));
    Py_VISIT(run->config);
    Py_VISIT(run->scope);
    Py_VISIT(run->thread);
    Py_VISIT(run->step);
    return 0;
}

static int clear_all(NodeRun *run)
{
    Py_CLEAR(run->node);
    Py_CLEAR(run->config);
    Py_CLEAR(run->scope);
    Py_CLEAR(run->thread);
    Py_CLEAR(run->ns);
    Py_CLEAR(run->step);
    Py_CLEAR(run->task);
    return 0;
}

static void let_go(NodeRun *run)
{
    PyTypeObject *type = Py_TYPE(run);

    PyObject_GC_UnTrack(run);
    clear_all(run);
    type->tp_free(run);
    Py_DECREF(type);
}

/* node_begin(runnable, config) */
PyObject *fast_node_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *held = NULL;
    NodeRun *run;

    if (count != 2 || !run_type)
        return PyErr_Format(PyExc_TypeError, "node_begin takes a runnable and a config");
    if (!(run = (NodeRun *)run_type->tp_alloc(run_type, 0)))
        return NULL;
    if ((held = PyObject_GetAttr(arguments[0], word[DICT])) && PyDict_CheckExact(held))
        run->node = Py_XNewRef(PyDict_GetItemWithError(held, word[OUR_NODE]));
    Py_XDECREF(held);
    PyErr_Clear();
    if (!run->node || !PyUnicode_CheckExact(run->node))
        Py_XSETREF(run->node, Py_NewRef(word[NOTHING]));
    run->config = Py_NewRef(arguments[1]);
    run->at_ns = fast_wall();
    run->start_ns = fast_clock();
    run->before = fast_before(run->start_ns);
    return (PyObject *)run;
}

static PyObject *enter(PyObject *run, PyObject *nothing)
{
    return Py_NewRef(run);
}

/* An entry of a dictionary, owned; what stands for it where there is none. */
static PyObject *entry(PyObject *map, int which, PyObject *otherwise)
{
    PyObject *found = PyDict_GetItemWithError(map, word[which]);
    return PyErr_Occurred() ? NULL : Py_NewRef(found ? found : otherwise);
}

/* The same of texts; NULL, with no exception set, where it is none. */
static PyObject *text(PyObject *map, int which)
{
    PyObject *found = entry(map, which, word[NOTHING]);

    if (found && !PyUnicode_CheckExact(found))
        Py_CLEAR(found);
    return found;
}

/* nodes._step_of a ChainMap of dictionaries, or of one; NULL, with no exception set, of others. */
static PyObject *step_of(PyObject *metadata)
{
    PyObject *maps = NULL, *part, *found = NULL;
    Py_ssize_t i, count = 1;

    if (metadata == Py_None)
        return PyLong_FromLong(-1);
    if (!PyDict_CheckExact(metadata)) {
        if (!(maps = PyObject_GetAttr(metadata, word[MAPS])) || !PyList_CheckExact(maps)) {
            PyErr_Clear();
            Py_XDECREF(maps);
            return NULL;
        }
        count = PyList_GET_SIZE(maps);
    }
    for (i = 0; i < count && !found && !PyErr_Occurred(); i++) {
        part = maps ? PyList_GET_ITEM(maps, i) : metadata;
        if (!PyDict_CheckExact(part))
            break;
        found = Py_XNewRef(PyDict_GetItemWithError(part, word[STEP]));
    }
    if (!found && i == count && !PyErr_Occurred())
        found = PyLong_FromLong(-1);
    Py_XDECREF(maps);
    if (found && !PyLong_CheckExact(found))
        Py_CLEAR(found);
    return found;
}

/* The namespace around a node's own. */
static PyObject *around(PyObject *ns)
{
    Py_ssize_t at = PyUnicode_FindChar(ns, '|', 0, PyUnicode_GET_LENGTH(ns), -1);

    if (at == -2)
        return NULL;
    return at < 0 ? Py_NewRef(word[NOTHING]) : PyUnicode_Substring(ns, 0, at);
}

/* Have the run tell its id, once; -1 with an exception set. */
static int tell_run(PyObject *scope, PyObject *config)
{
    PyObject *known = PyObject_GetAttr(scope, word[RUN_ID]), *done;
    int is_known = known ? PyObject_IsTrue(known) : -1;

    Py_XDECREF(known);
    if (is_known)
        return is_known < 0 ? -1 : 0;
    done = PyObject_CallFunctionObjArgs(note_run, scope, config, NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Note what is usual: 1; 0 where Python has to end it, with or without an exception set. */
static int note(NodeRun *run)
{
    PyObject *conf = NULL, *metadata = NULL, *ns = NULL;
    int noted = 0;

    if (PyDict_CheckExact(run->config) && (conf = entry(run->config, CONFIGURABLE, Py_None))
        && PyDict_CheckExact(conf) && (metadata = entry(run->config, METADATA, Py_None))
        && (run->step = step_of(metadata)) && (ns = text(conf, CHECKPOINT_NS))
        && (run->ns = around(ns)) && (run->task = text(conf, TASK_ID))
        && (run->thread = entry(conf, THREAD_ID, word[NOTHING]))
        && !PyContextVar_Get(scope_variable, NULL, &run->scope))
        noted = run->scope == Py_None || !tell_run(run->scope, run->config);
    Py_XDECREF(conf);
    Py_XDECREF(metadata);
    Py_XDECREF(ns);
    return noted;
}

static int queue(NodeRun *run)
{
    PyObject *probe = PyObject_GetAttr(probes, word[PROBE]);
    int failed = !probe || fast_emit_to(probe, build, (PyObject *)run, -1);

    Py_XDECREF(probe);
    return failed;
}

/* __exit__(kind, error, traceback) */
static PyObject *leave(NodeRun *run, PyObject *const *arguments, Py_ssize_t count)
{
    long long now = fast_clock();
    PyObject *done;

    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "__exit__ takes three arguments");
    if (!run->config)
        Py_RETURN_NONE;
    run->duration_ns = now - run->start_ns;
    if (arguments[0] == Py_None && note(run)) {
        run->after = fast_after(now);
        Py_CLEAR(run->config);
        PyObject_GC_UnTrack(run); /* it holds no more than texts and numbers, and the run's scope */
        if (queue(run) && fast_tell(fault, "ending a node"))
            return NULL;
        Py_RETURN_NONE;
    }
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
        return NULL; /* an interrupt */
    PyErr_Clear();
    done = PyObject_CallFunction(ended, "(LLL)OOO", run->at_ns, run->duration_ns, run->before, run->node,
                                 run->config, arguments[0]);
    if (!done && fast_tell(fault, "ending a node"))
        return NULL;
    Py_XDECREF(done);
    Py_RETURN_NONE;
}

/* told(): what records.node takes. */
static PyObject *told(NodeRun *run, PyObject *nothing)
{
    if (!run->scope)
        return PyErr_Format(PyExc_RuntimeError, "it did not end");
    return Py_BuildValue("(LLOOOOOOsiLL)", run->at_ns, run->duration_ns, run->scope, run->thread,
                         run->ns, run->step, run->node, run->task, "", 0, run->before, run->after);
}

static PyMethodDef methods[] = {
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))leave, METH_FASTCALL, NULL},
    {"told", (PyCFunction)told, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_methods, methods},
    {Py_tp_traverse, visit_all},
    {Py_tp_clear, clear_all},
    {Py_tp_dealloc, let_go},
    {0, NULL},
};

static PyType_Spec spec = {
    "statemeter._fast.NodeRun", sizeof(NodeRun), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots,
};

/* nodes(SCOPE, module of the probe, records.node, faults.fault, end in Python, notes the id of a
 * run, resident.between): for node_begin(); whether it is done here. Only of the first that tells. */
PyObject *fast_nodes(PyObject *module, PyObject *arguments)
{
    PyObject *given[7];

    if (!PyArg_ParseTuple(arguments, "O!OOOOOO:nodes", &PyContextVar_Type, &given[0], &given[1],
                          &given[2], &given[3], &given[4], &given[5], &given[6]))
        return NULL;
    if (fast_intern(word, written, WORDS))
        return NULL;
    if (!run_type) {
        if (!(run_type = (PyTypeObject *)PyType_FromSpec(&spec)))
            return NULL;
        scope_variable = Py_NewRef(given[0]);
        probes = Py_NewRef(given[1]);
        build = Py_NewRef(given[2]);
        fault = Py_NewRef(given[3]);
        ended = Py_NewRef(given[4]);
        note_run = Py_NewRef(given[5]);
        between = Py_NewRef(given[6]);
    }
    return PyBool_FromLong(scope_variable == given[0]);
}

/* The peak as resident.told has it, of a node of which both ends are known; -1 where unknown, with an
 * exception set where it cannot be told. */
static long long peak_of(long long at_ns, long long duration_ns, long long before, long long after)
{
    long long highest;
    PyObject *found;

    if (!fast_between(at_ns, duration_ns, &highest)) {
        found = PyObject_CallFunction(between, "LL", at_ns, duration_ns);
        highest = found ? PyLong_AsLongLong(found) : -1;
        Py_XDECREF(found);
    }
    if (highest <= 0)
        return -1;
    highest = before > highest ? before : highest;
    return after > highest ? after : highest;
}

/* peak(at_ns, duration_ns, before, after) */
PyObject *fast_peak(PyObject *module, PyObject *arguments)
{
    long long at_ns, duration_ns, before, after, peak;

    if (!PyArg_ParseTuple(arguments, "LLLL:peak", &at_ns, &duration_ns, &before, &after))
        return NULL;
    peak = peak_of(at_ns, duration_ns, before, after);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(peak);
}

static void add_memory(Fields *fields, const NodeRun *run)
{
    int known = run->before >= 0 && run->after >= 0;

    fast_add_number(fields, known ? run->before : -1);
    fast_add_number(fields, known ? run->after : -1);
    if (!fields->failed) /* Python is not called with an exception set */
        fast_add_number(fields,
                        known ? peak_of(run->at_ns, run->duration_ns, run->before, run->after) : -1);
}

/* node(nodes by task, seq, run) */
PyObject *fast_node(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Fields fields = {.failed = 0};
    PyObject *saver = NULL;
    NodeRun *run;

    if (count != 3 || !PyDict_CheckExact(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "node takes a dict, a number and a run of a node");
    run = (NodeRun *)arguments[2];
    if (!run_type || !Py_IS_TYPE(run, run_type) || !run->scope || !PyUnicode_CheckExact(run->thread))
        Py_RETURN_NONE;
    if (PyUnicode_GET_LENGTH(run->task)) {
        if (PyDict_GET_SIZE(arguments[0]) >= NODE_MEMORY)
            PyDict_Clear(arguments[0]);
        if (PyDict_SetItem(arguments[0], run->task, run->node))
            return NULL;
    }
    fast_add(&fields, Py_NewRef(fast_name[NODE]));
    fast_add(&fields, Py_NewRef(arguments[1]));
    fast_add_number(&fields, run->at_ns / 1000);
    fast_add_number(&fields, run->duration_ns / 1000);
    if (run->scope == Py_None) {
        fast_add_number(&fields, 0);
        fast_add(&fields, Py_NewRef(word[NOTHING]));
    } else {
        fast_add_attribute(&fields, run->scope, NUMBER, &PyLong_Type);
        if (!fields.failed && (saver = fast_get(run->scope, SAVER)) && saver != Py_None)
            fast_add_attribute(&fields, saver, KEY, &PyUnicode_Type);
        else
            fast_add(&fields, saver ? Py_NewRef(word[NOTHING]) : NULL);
        Py_XDECREF(saver);
    }
    fast_add(&fields, Py_NewRef(run->thread));
    fast_add(&fields, Py_NewRef(run->ns));
    if (run->scope == Py_None)
        fast_add(&fields, Py_NewRef(word[NOTHING]));
    else
        fast_add_attribute(&fields, run->scope, GRAPH, &PyUnicode_Type);
    fast_add(&fields, Py_NewRef(run->step));
    fast_add(&fields, Py_NewRef(run->node));
    fast_add(&fields, Py_NewRef(run->task));
    fast_add(&fields, Py_NewRef(word[NOTHING]));
    fast_add_number(&fields, 0);
    if (!fields.failed)
        add_memory(&fields, run);
    return fast_ended(&fields);
}
#endif
