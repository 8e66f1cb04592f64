/* SPDX-License-Identifier: MIT
 * Request fields to environ. Runs on the app thread, with the GIL, once for every request. */
#include "wsgi_fields.h"

#include <string.h>

#include "exchange.h"
#include "names.h"
#include "text.h"
#include "wsgi_environ.h"

static bool is_ascii(struct slice bytes)
{
    unsigned char all = 0;

    for (size_t i = 0; i < bytes.len; i++)
        all |= (unsigned char)bytes.ptr[i];
    return all < 0x80;
}

PyObject *wsgi_text_new(struct slice bytes)
{
    PyObject *text;

    if (bytes.len <= 1) /* CPython has these ready */
        return PyUnicode_DecodeLatin1(bytes.ptr, (Py_ssize_t)bytes.len, NULL);
    text = PyUnicode_New((Py_ssize_t)bytes.len, is_ascii(bytes) ? 0x7F : 0xFF);
    if (text != NULL)
        memcpy(PyUnicode_1BYTE_DATA(text), bytes.ptr, bytes.len);
    return text;
}

bool wsgi_text_equals(PyObject *text, struct slice bytes)
{
    if ((size_t)PyUnicode_GET_LENGTH(text) != bytes.len)
        return false;
    return bytes.len == 0 || memcmp(PyUnicode_1BYTE_DATA(text), bytes.ptr, bytes.len) == 0;
}

static uint64_t bit(enum known_header id)
{
    return UINT64_C(1) << id;
}

/* Sets a known field of the template. */
static int set_field(struct wsgi_environ *self, enum known_header id, struct slice value)
{
    PyObject *text;

    if ((self->present & bit(id)) != 0 && LIKELY(wsgi_text_equals(self->fields[id], value)))
        return 0;
    text = wsgi_text_new(value);
    if (text == NULL || PyDict_SetItem(self->template, self->names->variables[id], text) < 0) {
        Py_XDECREF(text);
        return -1;
    }
    Py_XSETREF(self->fields[id], text);
    self->present |= bit(id);
    return 0;
}

/* Deletes the fields of a set from the template. */
static int delete_fields(struct wsgi_environ *self, uint64_t gone)
{
    while (gone != 0) {
        enum known_header id = (enum known_header)__builtin_ctzll(gone);

        if (PyDict_DelItem(self->template, self->names->variables[id]) < 0)
            return -1;
        Py_CLEAR(self->fields[id]);
        self->present &= ~bit(id);
        gone &= gone - 1;
    }
    return 0;
}

/* Joins all values of a field that came several times, into the scratch buffer. */
static int join_field(struct wsgi_environ *self, const struct request *request, enum known_header id)
{
    struct slice separator = id == HEADER_COOKIE ? SLICE("; ") : SLICE(",");
    bool is_first = true;

    self->scratch.len = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id != id)
            continue;
        if ((!is_first && buf_append(&self->scratch, separator) < 0) ||
            buf_append(&self->scratch, request->headers[i].value) < 0) {
            PyErr_NoMemory();
            return -1;
        }
        is_first = false;
    }
    return set_field(self, id, buf_slice(&self->scratch));
}

/* For a chunked body there is no Content-Length of the client's; now that it is decoded its length is known. */
static int set_decoded_length(struct wsgi_environ *self, uint64_t length)
{
    char digits[20];

    return set_field(self, HEADER_CONTENT_LENGTH, slice_of(digits, text_format_u64(digits, length)));
}

/* The authority of an absolute-form target wins over Host (RFC 9112 3.2.2), that of a trusted proxy over both, and the
 * framing of a body that is decoded is past. */
static int correct_fields(struct wsgi_environ *self, const struct exchange *exchange, uint64_t *seen)
{
    if (exchange->request->has_other_host) {
        *seen |= bit(HEADER_HOST);
        if (set_field(self, HEADER_HOST, exchange->request->authority) < 0)
            return -1;
    }
    if (exchange->body.was_chunked) {
        *seen = (*seen | bit(HEADER_CONTENT_LENGTH)) & ~bit(HEADER_TRANSFER_ENCODING);
        return set_decoded_length(self, exchange->body.length);
    }
    return 0;
}

int wsgi_fields_update(struct wsgi_environ *self, const struct exchange *exchange, size_t *unknown_count)
{
    const struct request *request = exchange->request;
    uint64_t seen = 0, joined = 0;

    *unknown_count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct header *header = &request->headers[i];
        int result = 0;

        if (header->id == HEADER_UNKNOWN) {
            ++*unknown_count;
            continue;
        }
        if (LIKELY((seen & bit(header->id)) == 0)) {
            result = set_field(self, header->id, header->value);
        } else if ((joined & bit(header->id)) == 0) {
            joined |= bit(header->id);
            result = join_field(self, request, header->id);
        }
        if (result < 0)
            return -1;
        seen |= bit(header->id);
    }
    if (UNLIKELY(request->has_other_host || exchange->body.was_chunked) && correct_fields(self, exchange, &seen) < 0)
        return -1;
    return LIKELY((self->present & ~seen) == 0) ? 0 : delete_fields(self, self->present & ~seen);
}

/* "X-Thing" -> "HTTP_X_THING". A field name is a token, so it is ASCII. New reference, or NULL with an exception. */
static PyObject *new_key(struct slice name)
{
    static const char prefix[] = {'H', 'T', 'T', 'P', '_'};
    PyObject *key = PyUnicode_New((Py_ssize_t)(sizeof(prefix) + name.len), 0x7F);
    Py_UCS1 *out;

    if (key == NULL)
        return NULL;
    out = PyUnicode_1BYTE_DATA(key);
    memcpy(out, prefix, sizeof(prefix));
    out += sizeof(prefix);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        out[i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (Py_UCS1)(c - 32) : c;
    }
    return key;
}

/* What the dict shall hold under `key` once this field is added. New reference, or NULL with an exception. */
static PyObject *new_value(PyObject *variables, PyObject *key, struct slice value)
{
    PyObject *earlier = PyDict_GetItemWithError(variables, key); /* borrowed */
    PyObject *text = NULL, *joined = NULL;

    if (earlier == NULL)
        return PyErr_Occurred() ? NULL : wsgi_text_new(value);
    text = wsgi_text_new(value);
    if (text != NULL)
        joined = PyUnicode_FromFormat("%U,%U", earlier, text);
    Py_XDECREF(text);
    return joined;
}

int wsgi_fields_add_unknown(const struct exchange *exchange, PyObject *variables)
{
    const struct request *request = exchange->request;

    for (size_t i = 0; i < request->header_count; i++) {
        PyObject *key, *value;
        int result;

        if (request->headers[i].id != HEADER_UNKNOWN)
            continue;
        key = new_key(request->headers[i].name);
        value = key != NULL ? new_value(variables, key, request->headers[i].value) : NULL;
        result = value != NULL ? PyDict_SetItem(variables, key, value) : -1;
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (result < 0)
            return -1;
    }
    return 0;
}
