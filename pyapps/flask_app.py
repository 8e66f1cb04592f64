# SPDX-License-Identifier: MIT
"""A small Flask application: a page, a form, JSON, an upload, a streamed answer, a session, an error.

clutch flask_app:app
"""

import hashlib
import os

from flask import Flask, Response, jsonify, redirect, request, send_file, session, url_for

app = Flask(__name__)
app.secret_key = os.environ.get("FLASK_SECRET_KEY", "only for demonstrations")


@app.get("/")
def index():
    return f"<h1>Flask behind {request.environ.get('SERVER_SOFTWARE', 'a server')}</h1>"


@app.route("/hello/<name>")
def hello(name):
    return {"hello": name, "query": request.args.to_dict(), "agent": request.headers.get("User-Agent", "")}


@app.post("/form")
def form():
    return jsonify(request.form.to_dict(flat=False))


@app.post("/json")
def echo_json():
    return jsonify(request.get_json())


@app.post("/upload")
def upload():
    file = request.files["file"]
    digest, size = hashlib.sha256(), 0
    for block in iter(lambda: file.stream.read(65536), b""):
        digest.update(block)
        size += len(block)
    return {"name": file.filename, "size": size, "sha256": digest.hexdigest()}


@app.get("/stream")
def stream():
    count = request.args.get("count", default=5, type=int)
    return Response((f"line {i}\n" for i in range(count)), mimetype="text/plain")


@app.get("/visits")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}


@app.get("/old")
def old():
    return redirect(url_for("index"))


@app.get("/fail")
def fail():
    raise RuntimeError("a view raised on purpose")


@app.get("/static-file")
def static_file():
    return send_file(__file__, mimetype="text/x-python")
