/* Sizes of packed values, read off msgpack: the same as sizes.py, which says what they mean.
 *
 * The bytes may be damaged. Each read is checked against their end first; nothing recurses; a header
 * that promises more elements than there are bytes left is refused before anything is made of it.
 */
#include "_fast.h"
#include <string.h>

#define DEEPEST 1000 /* levels of lists and maps; the packer of LangGraph stops at 1024 */
#define MOST_LARGEST 16
#define HEAD_BYTES 512 /* as in sizes.py, like the next two */
#define NAME_BYTES 80
#define NAMED 5

enum { LEAF, STRING, LIST, MAP };

typedef struct {
    int kind;
    uint64_t length; /* bytes that follow; elements of a list, pairs of a map */
} Header;

/* Read n bytes as a big-endian number; -1 where they are not there. */
static int number(Bytes *b, int n, uint64_t *found)
{
    if (b->end - b->at < n)
        return -1;
    for (*found = 0; n > 0; n--)
        *found = *found << 8 | *b->at++;
    return 0;
}

/* Pass over the header of a value; -1 where it is damaged or promises more than there is. */
static int header(Bytes *b, Header *h)
{
    uint8_t first;
    uint64_t extra = 0;

    if (b->at >= b->end)
        return -1;
    first = *b->at++;
    h->kind = LEAF;
    h->length = 0;
    if (first < 0x80 || first >= 0xe0)
        return 0;
    if (first < 0x90) {
        h->kind = MAP;
        h->length = first & 0x0f;
    } else if (first < 0xa0) {
        h->kind = LIST;
        h->length = first & 0x0f;
    } else if (first < 0xc0) {
        h->kind = STRING;
        h->length = first & 0x1f;
    } else switch (first) {
    case 0xc0: case 0xc2: case 0xc3:
        return 0;
    case 0xc4: case 0xc5: case 0xc6: /* bytes */
        if (number(b, 1 << (first - 0xc4), &h->length))
            return -1;
        break;
    case 0xc7: case 0xc8: case 0xc9: /* an extension, its code after the length */
        if (number(b, 1 << (first - 0xc7), &h->length))
            return -1;
        extra = 1;
        break;
    case 0xca: case 0xcb: /* floats */
        h->length = first == 0xca ? 4 : 8;
        break;
    case 0xcc: case 0xcd: case 0xce: case 0xcf: /* integers */
        h->length = 1 << (first - 0xcc);
        break;
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
        h->length = 1 << (first - 0xd0);
        break;
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: /* extensions of fixed length */
        h->length = 1 << (first - 0xd4);
        extra = 1;
        break;
    case 0xd9: case 0xda: case 0xdb:
        h->kind = STRING;
        if (number(b, 1 << (first - 0xd9), &h->length))
            return -1;
        break;
    case 0xdc: case 0xdd:
        h->kind = LIST;
        if (number(b, 2 << (first - 0xdc), &h->length))
            return -1;
        break;
    case 0xde: case 0xdf:
        h->kind = MAP;
        if (number(b, 2 << (first - 0xde), &h->length))
            return -1;
        break;
    default: /* 0xc1 is never used */
        return -1;
    }
    h->length += extra;
    return h->length > (uint64_t)(b->end - b->at) ? -1 : 0;
}

/* Pass over one value; -1 where it is damaged or nested too deep. */
static int skip(Bytes *b)
{
    uint64_t left[DEEPEST];
    int depth = 0;
    Header h;

    if (header(b, &h))
        return -1;
    if (h.kind <= STRING) { /* most are */
        b->at += h.length;
        return 0;
    }
    left[0] = h.kind == MAP ? 2 * h.length : h.length;
    while (depth >= 0) {
        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        if (header(b, &h))
            return -1;
        if (h.kind <= STRING) {
            b->at += h.length;
        } else if (h.length) {
            if (++depth == DEEPEST)
                return -1;
            left[depth] = h.kind == MAP ? 2 * h.length : h.length;
        }
    }
    return 0;
}

/* Pass over a string; -1 where no short one starts. Its end may lie beyond that of the bytes. */
static int short_string(Bytes *b, Bytes *found)
{
    uint64_t length;
    uint8_t first;

    if (b->at >= b->end)
        return -1;
    first = *b->at++;
    if (first >= 0xa0 && first < 0xc0)
        length = first & 0x1f;
    else if ((first != 0xd9 && first != 0xda) || number(b, first == 0xd9 ? 1 : 2, &length))
        return -1;
    found->at = b->at;
    found->end = (uint64_t)(b->end - b->at) < length ? b->end : b->at + length;
    b->at = found->end;
    return 0;
}

/* The class of a value that is whole: sizes.type_name. */
static PyObject *type_name(Bytes b)
{
    static const struct { uint8_t last; const char *kind; } kinds[] = {
        {0x7f, "int"}, {0x8f, "map"}, {0x9f, "list"}, {0xbf, "str"}, {0xc0, "None"}, {0xc1, "?"},
        {0xc3, "bool"}, {0xc6, "bytes"}, {0xc9, "ext"}, {0xcb, "float"}, {0xd3, "int"},
        {0xd8, "ext"}, {0xdb, "str"}, {0xdd, "list"}, {0xdf, "map"}, {0xff, "int"},
    };
    uint8_t first = *b.at;
    Bytes name;
    int code, kind;

    if (b.end - b.at > HEAD_BYTES)
        b.end = b.at + HEAD_BYTES;
    if (first >= 0xc7 && first <= 0xc9)
        b.at += 1 + (1 << (first - 0xc7));
    else if (first >= 0xd4 && first <= 0xd8)
        b.at += 1;
    else {
        for (kind = 0; kinds[kind].last < first; kind++)
            ;
        return PyUnicode_InternFromString(kinds[kind].kind);
    }
    code = *b.at++;
    if (code > NAMED) {
        if (code == 6)
            return PyUnicode_InternFromString("ndarray");
        if (code == 7)
            return PyUnicode_InternFromString("delta snapshot");
        return PyUnicode_FromFormat("ext %d", code);
    }
    b.at++; /* the array header of (module, name, ...) */
    if (short_string(&b, &name) || short_string(&b, &name))
        return PyUnicode_InternFromString("object");
    if (name.end - name.at > NAME_BYTES)
        name.end = name.at + NAME_BYTES;
    return PyUnicode_DecodeUTF8((const char *)name.at, name.end - name.at, "replace");
}

/* (index, type, size) of an element. */
static PyObject *element(Py_ssize_t index, const uint8_t *at, Py_ssize_t size)
{
    PyObject *name = type_name((Bytes){at, at + size});
    return name ? Py_BuildValue("nNn", index, name, size) : NULL;
}

/* (elements, [the largest]) of a list that fills the bytes; None where it is none. */
PyObject *fast_measure_list(Bytes b, Py_ssize_t most)
{
    Py_ssize_t indexes[MOST_LARGEST], sizes[MOST_LARGEST], kept = 0, index, at, size;
    const uint8_t *starts[MOST_LARGEST], *start;
    PyObject *largest, *one;
    Header h;

    if (header(&b, &h) || h.kind != LIST)
        Py_RETURN_NONE;
    for (index = 0; (uint64_t)index < h.length; index++) {
        start = b.at;
        if (skip(&b))
            Py_RETURN_NONE;
        size = b.at - start;
        if (kept == most && (most == 0 || size <= sizes[most - 1]))
            continue;
        at = kept < most ? kept++ : most - 1;
        for (; at > 0 && sizes[at - 1] < size; at--) {
            indexes[at] = indexes[at - 1];
            sizes[at] = sizes[at - 1];
            starts[at] = starts[at - 1];
        }
        indexes[at] = index;
        sizes[at] = size;
        starts[at] = start;
    }
    if (b.at != b.end)
        Py_RETURN_NONE;
    largest = PyList_New(kept);
    for (at = 0; largest && at < kept; at++) {
        one = element(indexes[at], starts[at], sizes[at]);
        if (!one)
            Py_CLEAR(largest);
        else
            PyList_SET_ITEM(largest, at, one);
    }
    return largest ? Py_BuildValue("nN", (Py_ssize_t)h.length, largest) : NULL;
}

/* The next key of a map and the span of its value: 1, 0 where damaged, -1 with an exception set. */
static int pair(Bytes *b, PyObject **key, Bytes *value)
{
    Header h;

    if (header(b, &h) || h.kind != STRING)
        return 0;
    *key = PyUnicode_DecodeUTF8((const char *)b->at, (Py_ssize_t)h.length, NULL);
    if (!*key) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    b->at += h.length;
    value->at = b->at;
    if (skip(b)) {
        Py_CLEAR(*key);
        return 0;
    }
    value->end = b->at;
    return 1;
}

/* Sizes of the values of a map, and their places where lists are wanted; as pair(). */
static int values(Bytes b, const uint8_t *from, PyObject *sizes, PyObject *places)
{
    PyObject *key, *size, *place;
    Bytes value;
    Header h;
    int done;

    if (header(&b, &h) || h.kind != MAP)
        return 0;
    for (; h.length > 0; h.length--) {
        if ((done = pair(&b, &key, &value)) != 1)
            return done;
        size = PyLong_FromSsize_t(value.end - value.at);
        place = PyLong_FromSsize_t(value.at - from);
        done = !size || !place || PyDict_SetItem(sizes, key, size)
               || PyDict_SetItem(places, key, place);
        Py_XDECREF(size);
        Py_XDECREF(place);
        Py_DECREF(key);
        if (done)
            return -1;
    }
    return b.at == b.end;
}

/* The lists among the values that are named; -1 with an exception set. */
static int named(const uint8_t *from, PyObject *detailed, Py_ssize_t most, PyObject *sizes,
                 PyObject *places, PyObject *lists)
{
    PyObject *name, *place, *found, *names = PyObject_GetIter(detailed);
    Bytes value;
    int done = 0;

    while (names && !done && (name = PyIter_Next(names))) {
        place = PyDict_GetItemWithError(places, name);
        if (place) {
            value.at = from + PyLong_AsSsize_t(place);
            value.end = value.at + PyLong_AsSsize_t(PyDict_GetItemWithError(sizes, name));
            found = fast_measure_list(value, most);
            done = !found || (found != Py_None && PyDict_SetItem(lists, name, found));
            Py_XDECREF(found);
        }
        Py_DECREF(name);
    }
    Py_XDECREF(names);
    return PyErr_Occurred() ? -1 : 0;
}

static int is(PyObject *key, const char *name)
{
    return PyUnicode_CompareWithASCIIString(key, name) == 0;
}

static int spells(const uint8_t *at, uint64_t length, const char *name)
{
    return length == strlen(name) && memcmp(at, name, length) == 0;
}

int fast_bookkeeping(Bytes b, Py_ssize_t *found)
{
    Py_ssize_t versions = 0, seen = 0;
    const uint8_t *key, *value;
    Header map, name;
    uint64_t i;

    *found = -1;
    if (header(&b, &map) || map.kind != MAP)
        return 1;
    for (; map.length > 0; map.length--) {
        if (header(&b, &name) || name.kind != STRING)
            return 1;
        key = b.at;
        value = b.at += name.length;
        for (i = 0; i < name.length; i++)
            if (key[i] >= 0x80) /* it may be no UTF-8 */
                return 0;
        if (skip(&b))
            return 1;
        if (spells(key, name.length, "channel_versions")) /* with the bytes of the packed key */
            versions = b.at - value + 17;
        else if (spells(key, name.length, "versions_seen"))
            seen = b.at - value + 14;
        else if (spells(key, name.length, "channel_values") && (b.at - value != 1 || *value != 0x80))
            return 0;
    }
    if (b.at == b.end && versions + seen > 0)
        *found = versions + seen;
    return 1;
}

PyObject *fast_largest(PyObject *module, PyObject *arguments)
{
    Py_buffer blob;
    Py_ssize_t most;
    PyObject *found;

    if (!PyArg_ParseTuple(arguments, "y*n:largest", &blob, &most))
        return NULL;
    if (most < 0 || most > MOST_LARGEST) {
        PyBuffer_Release(&blob);
        return PyErr_Format(PyExc_ValueError, "most is 0 to %d, not %zd", MOST_LARGEST, most);
    }
    found = fast_measure_list((Bytes){blob.buf, (uint8_t *)blob.buf + blob.len}, most);
    PyBuffer_Release(&blob);
    return found;
}

PyObject *fast_document(PyObject *module, PyObject *arguments)
{
    Py_buffer blob;
    Py_ssize_t most, versions = 0, seen = 0;
    PyObject *detailed, *key, *sizes = PyDict_New(), *lists = PyDict_New();
    PyObject *places = PyDict_New();
    Bytes b, value, channels = {NULL, NULL};
    Header h;
    int done = 0;

    if (!sizes || !lists || !places
        || !PyArg_ParseTuple(arguments, "y*On:document", &blob, &detailed, &most)) {
        Py_XDECREF(places);
        Py_XDECREF(sizes);
        Py_XDECREF(lists);
        return NULL;
    }
    b.at = blob.buf;
    b.end = b.at + blob.len;
    if (most < 0 || most > MOST_LARGEST) {
        PyErr_Format(PyExc_ValueError, "most is 0 to %d, not %zd", MOST_LARGEST, most);
        done = -1;
    } else if (!header(&b, &h) && h.kind == MAP) {
        for (done = 1; done == 1 && h.length > 0; h.length--) {
            if ((done = pair(&b, &key, &value)) != 1)
                break;
            if (is(key, "channel_values"))
                channels = value;
            else if (is(key, "channel_versions")) /* with the bytes of the packed key */
                versions = value.end - value.at + 17;
            else if (is(key, "versions_seen"))
                seen = value.end - value.at + 14;
            Py_DECREF(key);
        }
        if (done == 1)
            done = b.at == b.end && versions + seen > 0;
        if (done == 1 && channels.at)
            done = values(channels, blob.buf, sizes, places);
        if (done == 1 && named(blob.buf, detailed, most, sizes, places, lists))
            done = -1;
    }
    PyBuffer_Release(&blob);
    Py_DECREF(places);
    if (done == 1)
        return Py_BuildValue("NNn", sizes, lists, versions + seen);
    Py_DECREF(sizes);
    Py_DECREF(lists);
    if (done < 0)
        return NULL;
    Py_RETURN_NONE;
}
