/* The C part of the probe: what its thread does most, with the same results as in Python. */
#include "_fast.h"

PyDoc_STRVAR(largest_doc, "largest(blob, most)\n--\n\nSee statemeter.sizes.");
PyDoc_STRVAR(document_doc, "document(blob, detailed, most)\n--\n\nSee statemeter.sizes.");
PyDoc_STRVAR(line_doc, "line(fields)\n--\n\nSee statemeter.spool; None where Python has to do it.");
PyDoc_STRVAR(put_doc, "put(seq, call)\n--\n\nSee statemeter.puts; None where Python has to do it.");
PyDoc_STRVAR(writes_doc,
             "writes(seq, call, nodes)\n--\n\nSee statemeter.records; None as of put().");

static PyMethodDef functions[] = {
    {"largest", fast_largest, METH_VARARGS, largest_doc},
    {"document", fast_document, METH_VARARGS, document_doc},
    {"line", fast_line, METH_O, line_doc},
    {"put", (PyCFunction)(void (*)(void))fast_put, METH_FASTCALL, put_doc},
    {"writes", (PyCFunction)(void (*)(void))fast_writes, METH_FASTCALL, writes_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "statemeter._fast", "What the probe does most.", 0, functions,
};

PyMODINIT_FUNC PyInit__fast(void)
{
    fast_lines_begin();
    if (fast_puts_begin())
        return NULL;
    return PyModule_Create(&definition);
}
