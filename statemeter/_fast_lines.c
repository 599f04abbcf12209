/* Records of plain fields: the same line as spool.py makes of them.
 *
 * Of what is not plain nothing is made, and Python does it: strings that JSON escapes, floats,
 * numbers beyond 64 bits, what is nested deeper or longer than records are. Only objects of exact
 * types are looked into, so that no code of theirs runs meanwhile.
 */
#include "_fast.h"
#include <string.h>

#define LONGEST 8192 /* bytes of a line */
#define DEEPEST 6

typedef struct {
    char *at, *end;
} Out;

static uint32_t table[4][256]; /* of CRC-32 as in zlib, four bytes at a time */

void fast_lines_begin(void)
{
    uint32_t crc;
    int i, j;

    for (i = 0; i < 256; i++) {
        crc = (uint32_t)i;
        for (j = 0; j < 8; j++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        table[0][i] = crc;
    }
    for (i = 0; i < 256; i++)
        for (j = 1; j < 4; j++)
            table[j][i] = table[j - 1][i] >> 8 ^ table[0][table[j - 1][i] & 0xff];
}

static uint32_t checksum(const char *from, const char *end)
{
    const uint8_t *at = (const uint8_t *)from;
    uint32_t crc = 0xffffffffu;
    Py_ssize_t left = end - from;

    for (; left >= 4; left -= 4, at += 4) {
        crc ^= at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^ table[1][crc >> 16 & 0xff]
              ^ table[0][crc >> 24];
    }
    for (; left > 0; left--)
        crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xff];
    return ~crc;
}

/* Whether one of eight bytes is a control character, a quote or a backslash; never no for yes. */
static int escapes(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = eight ^ ones * '"', back = eight ^ ones * '\\';

    return (((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((back - ones) & ~back))
               & highs ? 1 : 0;
}

/* Each of these returns 0 where it has not written all. */
static int text(Out *out, PyObject *string)
{
    Py_ssize_t size, left;
    const char *from = PyUnicode_AsUTF8AndSize(string, &size);
    uint64_t eight;

    if (!from) { /* a lone surrogate, or no memory */
        PyErr_Clear();
        return 0;
    }
    if (out->end - out->at < size + 2)
        return 0;
    *out->at++ = '"';
    for (left = size; left >= 8; left -= 8, from += 8, out->at += 8) {
        memcpy(&eight, from, 8);
        if (escapes(eight))
            return 0;
        memcpy(out->at, &eight, 8);
    }
    for (; left > 0; left--, from++) {
        if ((uint8_t)*from < 0x20 || *from == '"' || *from == '\\')
            return 0;
        *out->at++ = *from;
    }
    *out->at++ = '"';
    return 1;
}

static int number(Out *out, PyObject *of)
{
    char digits[24], *first = digits + sizeof digits;
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(of, &overflow);
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;

    if (overflow)
        return 0;
    do
        *--first = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--first = '-';
    if (out->end - out->at < digits + sizeof digits - first)
        return 0;
    memcpy(out->at, first, (size_t)(digits + sizeof digits - first));
    out->at += digits + sizeof digits - first;
    return 1;
}

static int letter(Out *out, char one)
{
    if (out->at == out->end)
        return 0;
    *out->at++ = one;
    return 1;
}

static int value(Out *out, PyObject *of, int depth)
{
    PyObject *key, *item;
    Py_ssize_t at = 0, size, place = 0;

    if (PyUnicode_CheckExact(of))
        return text(out, of);
    if (PyLong_CheckExact(of))
        return number(out, of);
    if (of == Py_None) {
        if (out->end - out->at < 4)
            return 0;
        memcpy(out->at, "null", 4);
        out->at += 4;
        return 1;
    }
    if (depth == DEEPEST)
        return 0;
    if (PyDict_CheckExact(of)) {
        if (!letter(out, '{'))
            return 0;
        for (; PyDict_Next(of, &place, &key, &item); at++)
            if ((at && !letter(out, ',')) || !PyUnicode_CheckExact(key) || !text(out, key)
                || !letter(out, ':') || !value(out, item, depth + 1))
                return 0;
        return letter(out, '}');
    }
    if (!PyTuple_CheckExact(of) && !PyList_CheckExact(of))
        return 0;
    if (!letter(out, '['))
        return 0;
    size = PySequence_Fast_GET_SIZE(of);
    for (; at < size; at++)
        if ((at && !letter(out, ',')) || !value(out, PySequence_Fast_GET_ITEM(of, at), depth + 1))
            return 0;
    return letter(out, ']');
}

PyObject *fast_line(PyObject *module, PyObject *fields)
{
    static const char hex[] = "0123456789abcdef";
    char line[LONGEST];
    Out out = {line + 9, line + sizeof line - 1}; /* checksum, space … LF */
    uint32_t crc;
    int i;

    if (!PyTuple_CheckExact(fields) || !value(&out, fields, 0))
        Py_RETURN_NONE;
    crc = checksum(line + 9, out.at);
    for (i = 0; i < 8; i++)
        line[i] = hex[crc >> (28 - 4 * i) & 0xf];
    line[8] = ' ';
    *out.at++ = '\n';
    return PyBytes_FromStringAndSize(line, out.at - line);
}
