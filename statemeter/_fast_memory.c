/* The memory before and after a node, and its peak: the same as resident.py.
 *
 * The interpreter's lock is kept while the file is read, which takes a microsecond: to let it go
 * and take it back costs a change of threads wherever another one waits for it.
 */
#include "_fast.h"
#ifndef _WIN32
#include <errno.h>
#include <unistd.h>

#define SHARED_NS 200000 /* resident.SHARED_NS */

static int file = -1;
static long page;
static long long newest = -1, newest_ns;
static struct {
    long long at_ns, seen, mark;
} looks[2]; /* the last two of the probe's thread, the older one first; 0: there was none */

/* statm(fd, bytes of a page): the open file, -1 where there is none. */
PyObject *fast_statm(PyObject *module, PyObject *arguments)
{
    if (!PyArg_ParseTuple(arguments, "il:statm", &file, &page))
        return NULL;
    newest = -1;
    newest_ns = 0;
    Py_RETURN_NONE;
}

/* looked(ns since 1970, bytes, high-water mark or 0): a look; of 0 ns: all are forgotten. */
PyObject *fast_looked(PyObject *module, PyObject *arguments)
{
    looks[0] = looks[1];
    if (!PyArg_ParseTuple(arguments, "LLL:looked", &looks[1].at_ns, &looks[1].seen, &looks[1].mark))
        return NULL;
    if (!looks[1].at_ns)
        looks[0] = looks[1];
    Py_RETURN_NONE;
}

/* Bytes in the text of the file, as resident._bytes_of: -1 where it is no longer that file. */
static long long bytes_of(const char *at, const char *end)
{
    long long pages = 0;
    int numbers = 0;

    while (at < end) {
        for (; at < end && (*at == ' ' || *at == '\n'); at++)
            ;
        if (at < end)
            numbers++;
        for (; at < end && *at != ' ' && *at != '\n'; at++) {
            if (numbers != 2)
                continue;
            if (*at < '0' || *at > '9' || pages > INT64_MAX / 1000 / 65536)
                return -1;
            pages = pages * 10 + (*at - '0');
        }
    }
    return numbers == 7 ? pages * page : -1;
}

long long fast_after(long long now_ns)
{
    char text[64];
    ssize_t size;
    int before = errno;

    if (file < 0)
        return newest;
    size = pread(file, text, sizeof text, 0);
    newest = size > 0 ? bytes_of(text, text + size) : -1;
    newest_ns = now_ns;
    errno = before;
    return newest;
}

long long fast_before(long long now_ns)
{
    return now_ns - newest_ns < SHARED_NS ? newest : fast_after(now_ns);
}

/* after(ns), before(ns) */
PyObject *fast_memory_after(PyObject *module, PyObject *now_ns)
{
    long long now = PyLong_AsLongLong(now_ns);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(fast_after(now));
}

PyObject *fast_memory_before(PyObject *module, PyObject *now_ns)
{
    long long now = PyLong_AsLongLong(now_ns);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(fast_before(now));
}

/* resident.between with marks, of what began after the last look but one; 0 where Python has to
 * go through more of them. */
int fast_between(long long at_ns, long long duration_ns, long long *highest)
{
    if (!looks[0].at_ns || at_ns <= looks[0].at_ns)
        return 0;
    *highest = -1;
    if (at_ns <= looks[1].at_ns) {
        if (looks[1].at_ns <= at_ns + duration_ns)
            *highest = looks[1].seen;
        if (looks[1].mark > *highest)
            *highest = looks[1].mark;
    }
    return 1;
}
#endif
