/* What a measured call costs its thread: begin() of calls.py, and its values as in serde.py.
 *
 * A Call is an object of Python, whose slots are read and written at the offsets that its class
 * tells; the class is kept. An Exception of what is noted here is told to faults.fault, and never
 * raised: one that comes out is the application's own.
 */
#include "_fast.h"
#include <string.h>
#include <time.h>

#ifndef _WIN32 /* there is another clock there: Python does it */
#ifdef __APPLE__
#define STEADY CLOCK_UPTIME_RAW /* the clock of time.perf_counter_ns */
#else
#define STEADY CLOCK_MONOTONIC
#endif

enum { AT, BUILD, CHECKPOINT, DETAIL, DUMPS, DURATION, ERROR, HELD, INFO, LOADS, NAMES, NS, SCOPE, SERDE,
       SERIALIZER, START, THREAD, TOKEN, SLOTS };

static const char *const spelled[SLOTS] = {
    "at_ns", "build", "checkpoint", "detail", "dumps", "duration_ns", "error", "held_bytes", "info",
    "loads_bytes", "names", "ns", "scope", "serde_ns", "serializer", "start_ns", "thread", "token",
};
enum { DICT, OUR_INFO, CONFIGURABLE, THREAD_ID, CHECKPOINT_NS, CHECKPOINT_ID, PROBE, NAME,
       EMPTY, WORDS };

static const char *const written[WORDS] = {
    "__dict__", "_statemeter_info", "configurable", "thread_id", "checkpoint_ns", "checkpoint_id",
    "_probe", "__name__", "",
};
static PyObject *word[WORDS];
static Py_ssize_t offsets[SLOTS];
static PyTypeObject *call_type; /* NULL: nothing was told yet */
static PyObject *call_variable, *scope_variable, *fault, *part, *in_python, *probes, *hint, *queued;

static long long now_of(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now))
        return 0;
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

long long fast_clock(void)
{
    return now_of(STEADY);
}

long long fast_wall(void)
{
    return now_of(CLOCK_REALTIME);
}

static PyObject **slot(PyObject *call, int which)
{
    return (PyObject **)((char *)call + offsets[which]);
}

/* Put an owned object into a slot; -1 where it is none. */
static int set(PyObject *call, int which, PyObject *owned)
{
    if (!owned)
        return -1;
    Py_XSETREF(*slot(call, which), owned);
    return 0;
}

static int add_to(PyObject *call, int which, long long more)
{
    PyObject *before = *slot(call, which);
    int overflow = 0;
    long long value = before && PyLong_CheckExact(before)
                          ? PyLong_AsLongLongAndOverflow(before, &overflow) : -1;

    if (value < 0 || overflow) {
        PyErr_SetString(PyExc_TypeError, "not a number");
        return -1;
    }
    return set(call, which, PyLong_FromLongLong(value + more));
}

/* The call under way in this context, owned; NULL, with no exception set, where there is none. */
static PyObject *under_way(void)
{
    PyObject *call, *token;

    if (PyContextVar_Get(call_variable, NULL, &call)) {
        PyErr_Clear();
        return NULL;
    }
    if (call && PyObject_TypeCheck(call, call_type)) {
        token = *slot(call, TOKEN);
        if (token && token != Py_None)
            return call;
    }
    Py_XDECREF(call);
    return NULL;
}

int fast_tell(PyObject *fault, const char *place)
{
    PyObject *kind, *error, *trace, *kinds, *errors, *traces;

    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    PyErr_GetExcInfo(&kinds, &errors, &traces);
    PyErr_SetExcInfo(kind, error, trace); /* as inside of except: fault() asks for its class */
    Py_XDECREF(PyObject_CallFunction(fault, "s", place));
    PyErr_SetExcInfo(kinds, errors, traces);
    return PyErr_Occurred() ? -1 : 0;
}

static int tell(const char *place)
{
    return fast_tell(fault, place);
}

/* len(pair[at]); -1 with an exception set. */
static Py_ssize_t size_at(PyObject *pair, Py_ssize_t at)
{
    PyObject *part = PySequence_GetItem(pair, at);
    Py_ssize_t size = part ? PyObject_Size(part) : -1;

    Py_XDECREF(part);
    return size;
}

static int append(PyObject *list, PyObject *owned)
{
    int done = owned && list && PyList_CheckExact(list) ? PyList_Append(list, owned) : -1;

    Py_XDECREF(owned);
    if (done && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "not a list");
    return done;
}

static int note_dumped(PyObject *call, long long took_ns, PyObject *object, PyObject *typed)
{
    Py_ssize_t size;
    PyObject *kept;

    if (!add_to(call, SERDE, took_ns) && (size = size_at(typed, 1)) >= 0
        && !add_to(call, HELD, size)) {
        kept = Py_XNewRef(*slot(call, DUMPS));
        if (!append(kept, PyLong_FromVoidPtr(object)))
            append(kept, Py_NewRef(typed));
        Py_XDECREF(kept);
    }
    return PyErr_Occurred() ? tell("noting serialized bytes") : 0;
}

static int note_loaded(PyObject *call, long long took_ns, PyObject *data)
{
    PyObject *serializer;
    Py_ssize_t size;
    int known;

    if (!add_to(call, SERDE, took_ns) && (size = size_at(data, 1)) >= 0
        && !add_to(call, LOADS, size)) {
        serializer = Py_XNewRef(*slot(call, SERIALIZER));
        known = serializer ? PyObject_IsTrue(serializer) : 0;
        Py_XDECREF(serializer);
        if (known == 0)
            set(call, SERIALIZER, PySequence_GetItem(data, 0));
    }
    return PyErr_Occurred() ? tell("noting deserialized bytes") : 0;
}

PyObject *fast_timed(PyObject *method, PyObject *serializer, PyObject *object, int dumps)
{
    PyObject *call = call_type ? under_way() : NULL, *arguments[] = {serializer, object}, *found;
    long long start = call ? fast_clock() : 0;

    found = PyObject_Vectorcall(method, arguments, 2, NULL);
    if (call && found
        && (dumps ? note_dumped(call, fast_clock() - start, object, found)
                  : note_loaded(call, fast_clock() - start, object)))
        Py_CLEAR(found);
    Py_XDECREF(call);
    return found;
}

/* A value of a config, owned; "" where there is none, or where what is false counts as none. */
static PyObject *named(PyObject *config, int which, int or_empty)
{
    PyObject *found = PyDict_GetItemWithError(config, word[which]);
    int is_true = 1;

    if (!found)
        return PyErr_Occurred() ? NULL : Py_NewRef(word[EMPTY]);
    Py_INCREF(found);
    if (or_empty && (is_true = PyObject_IsTrue(found)) <= 0)
        Py_SETREF(found, is_true ? NULL : Py_NewRef(word[EMPTY]));
    return found;
}

/* Fill a call, but for its token and clocks; -1 with an exception set. */
static int fill(PyObject *call, PyObject *const *arguments, PyObject *info, PyObject *config)
{
    static const int texts[] = {THREAD, NS, CHECKPOINT, SERIALIZER, ERROR};
    static const int numbers[] = {SERDE, LOADS, HELD};
    PyObject *scope;
    size_t i;

    if (PyContextVar_Get(scope_variable, NULL, &scope) || set(call, SCOPE, scope)
        || set(call, BUILD, Py_NewRef(arguments[1])) || set(call, INFO, Py_NewRef(info))
        || set(call, DETAIL, Py_NewRef(Py_None)) || set(call, DUMPS, PyList_New(0)))
        return -1;
    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        set(call, texts[i], Py_NewRef(word[EMPTY]));
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (set(call, numbers[i], PyLong_FromLong(0)))
            return -1;
    if (config && (set(call, THREAD, named(config, THREAD_ID, 0))
                   || set(call, NS, named(config, CHECKPOINT_NS, 0))
                   || set(call, CHECKPOINT, named(config, CHECKPOINT_ID, 1))))
        return -1;
    if (arguments[3] == Py_None)
        return set(call, NAMES, Py_NewRef(Py_None));
    return set(call, NAMES, PyObject_Call(arguments[3], arguments[4], NULL));
}

/* A call that is open, owned; what stands for one that is part of another; NULL: an exception. */
static PyObject *opened(PyObject *const *arguments, PyObject *info, PyObject *config)
{
    PyObject *call, *outer = under_way();
    int is_part = outer && *slot(outer, INFO) == info;

    Py_XDECREF(outer);
    if (is_part)
        return Py_NewRef(part);
    call = call_type->tp_alloc(call_type, 0);
    if (!call || fill(call, arguments, info, config)
        || set(call, TOKEN, PyContextVar_Set(call_variable, call))) {
        Py_XDECREF(call);
        return NULL;
    }
    if (set(call, AT, PyLong_FromLongLong(fast_wall()))
        || set(call, START, PyLong_FromLongLong(fast_clock()))) {
        PyContextVar_Reset(call_variable, *slot(call, TOKEN));
        Py_CLEAR(call);
    }
    return call;
}

/* begin(saver, build, config, note, given) */
PyObject *fast_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *held, *info = NULL, *config = NULL, *call = NULL;

    if (count != 5 || !call_type || !PyTuple_CheckExact(arguments[4]))
        return PyErr_Format(PyExc_TypeError, "begin takes what calls.begin takes");
    if (!(held = PyObject_GetAttr(arguments[0], word[DICT])))
        PyErr_Clear();
    if (held && PyDict_CheckExact(held))
        info = Py_XNewRef(PyDict_GetItemWithError(held, word[OUR_INFO]));
    if (PyDict_CheckExact(arguments[2]))
        config = Py_XNewRef(PyDict_GetItemWithError(arguments[2], word[CONFIGURABLE]));
    Py_XDECREF(held);
    if (info && (config ? PyDict_CheckExact(config) : arguments[2] == Py_None)) {
        call = opened(arguments, info, config);
        if (!call && !tell("beginning a call"))
            call = Py_NewRef(part);
    } else {
        PyErr_Clear();
        call = PyObject_Vectorcall(in_python, arguments, 5, NULL);
    }
    Py_XDECREF(info);
    Py_XDECREF(config);
    return call;
}

/* Stop the clock of a call: 1, or 0 of one that was not open; -1 with an exception set. */
static int end(PyObject *call)
{
    PyObject *token = *slot(call, TOKEN), *start;
    long long since;
    int overflow;

    if (!token || token == Py_None)
        return 0;
    start = *slot(call, START);
    since = start && PyLong_CheckExact(start) ? PyLong_AsLongLongAndOverflow(start, &overflow) : 0;
    if (set(call, DURATION, PyLong_FromLongLong(fast_clock() - since)))
        return -1;
    *slot(call, TOKEN) = Py_NewRef(Py_None);
    if (!PyContextToken_CheckExact(token) || PyContextVar_Reset(call_variable, token))
        PyErr_Clear(); /* a coroutine that was let go ends in another context */
    Py_DECREF(token);
    return 1;
}

/* end(call): whether it was open; its clock is stopped then. */
PyObject *fast_end(PyObject *module, PyObject *call)
{
    int ended;

    if (!call_type || !PyObject_TypeCheck(call, call_type))
        return PyErr_Format(PyExc_TypeError, "end takes a call");
    ended = end(call);
    return ended < 0 ? NULL : PyBool_FromLong(ended);
}

/* Queue the event of a call as Call.emit does, which lets go what is too much; -1 with an
 * exception set. */
static int queue(PyObject *call)
{
    PyObject *held = *slot(call, HELD), *build = Py_XNewRef(*slot(call, BUILD)), *done, *probe;
    long long more = held ? PyLong_AsLongLong(held) : -1, all = -1;
    int failed = -1, room = 1;

    if ((probe = PyObject_GetAttr(probes, word[PROBE])) && build && more >= 0) {
        if (probe == Py_None)
            room = 0;
        else if (more)
            room = fast_room(probe, more, &all);
        if (room > 0) {
            failed = fast_emit_to(probe, build, call, all);
        } else if (!room) {
            done = PyObject_CallOneArg(queued, call);
            failed = done ? 0 : -1;
            Py_XDECREF(done);
        }
    }
    Py_XDECREF(build);
    Py_XDECREF(probe);
    if (failed && !PyErr_Occurred())
        PyErr_SetString(PyExc_AttributeError, "the call was not begun");
    return failed;
}

/* The class of an error is told, and what a user can do about it is said. */
static int note_error(PyObject *call, PyObject *kind, PyObject *error)
{
    PyObject *info, *done;

    if (kind == Py_None)
        return 0;
    if (set(call, ERROR, PyObject_GetAttr(kind, word[NAME])))
        return -1;
    info = Py_XNewRef(*slot(call, INFO));
    done = PyObject_CallFunctionObjArgs(hint, info, error, NULL);
    Py_XDECREF(info);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Have the garbage collector pass by a call that ended: it holds texts, numbers and bytes alone, and
 * what lives longer than it, and waits in the queue for some of its rounds. */
static void pass_by(PyObject *call)
{
    PyObject *dumps = *slot(call, DUMPS);

    if (!Py_IS_TYPE(call, call_type))
        return;
    PyObject_GC_UnTrack(call);
    if (dumps && PyList_CheckExact(dumps))
        PyObject_GC_UnTrack(dumps);
}

static PyObject *enter(PyObject *call, PyObject *nothing)
{
    return Py_NewRef(call);
}

/* Call.__exit__(kind, error, traceback) */
static PyObject *leave(PyObject *call, PyObject *const *arguments, Py_ssize_t count)
{
    int ended;

    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "__exit__ takes three arguments");
    ended = end(call);
    if (ended > 0)
        pass_by(call);
    if (ended && (ended < 0 || note_error(call, arguments[0], arguments[1]) || queue(call))
        && tell("ending a call"))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef around[] = {
    {"__enter__", enter, METH_NOARGS, "Itself."},
    {"__exit__", (PyCFunction)(void (*)(void))leave, METH_FASTCALL, "As exit_in_python()."},
};

/* Have a class enter and leave its calls here. */
static int put_around(PyTypeObject *type)
{
    PyObject *method;
    size_t i;
    int failed = 0;

    for (i = 0; i < sizeof around / sizeof *around && !failed; i++) {
        method = PyDescr_NewMethod(type, &around[i]);
        failed = !method || PyObject_SetAttrString((PyObject *)type, around[i].ml_name, method);
        Py_XDECREF(method);
    }
    return failed;
}

/* measures(Call, CALL, SCOPE, faults.fault, what stands for a part of a call, begin in Python, module
 * of the probe, hints.tell, Call.emit): whether it is done here. Only of the first class that is told:
 * another interpreter has its own. */
PyObject *fast_measures(PyObject *module, PyObject *arguments)
{
    PyObject *type, *given[8];
    Py_ssize_t found[SLOTS];
    int i;

    if (!PyArg_ParseTuple(arguments, "O!O!O!OOOOOO:measures", &PyType_Type, &type, &PyContextVar_Type,
                          &given[0], &PyContextVar_Type, &given[1], &given[2], &given[3], &given[4],
                          &given[5], &given[6], &given[7]))
        return NULL;
    for (i = 0; i < SLOTS; i++)
        if ((found[i] = fast_offset_of((PyTypeObject *)type, spelled[i])) < 0)
            Py_RETURN_FALSE;
    if (fast_intern(word, written, WORDS))
        return NULL;
    if (!call_type) {
        if (put_around((PyTypeObject *)type))
            return NULL;
        memcpy(offsets, found, sizeof found);
        call_variable = Py_NewRef(given[0]);
        scope_variable = Py_NewRef(given[1]);
        fault = Py_NewRef(given[2]);
        part = Py_NewRef(given[3]);
        in_python = Py_NewRef(given[4]);
        probes = Py_NewRef(given[5]);
        hint = Py_NewRef(given[6]);
        queued = Py_NewRef(given[7]);
        call_type = (PyTypeObject *)Py_NewRef(type);
    }
    return PyBool_FromLong((PyObject *)call_type == type);
}
#endif
