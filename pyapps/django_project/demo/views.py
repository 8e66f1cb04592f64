# SPDX-License-Identifier: MIT
"""Views of the demonstration project: one for each way of reading a request and of answering it."""

import hashlib

from django.contrib import messages
from django.http import FileResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST


@require_GET
def index(request):
    return render(request, "demo/index.html", {"server": request.META.get("SERVER_SOFTWARE", "a server")})


@require_GET
def hello(request, name):
    return JsonResponse(
        {
            "hello": name,
            "query": dict(request.GET.lists()),
            "path": request.path,
            "secure": request.is_secure(),
            "host": request.get_host(),
        }
    )


def form(request):
    """A form behind the CSRF check; a post leaves a message and leads back to the first page."""
    if request.method == "POST":
        messages.info(request, f"Thank you, {request.POST.get('name', 'stranger')}.")
        return redirect("index")
    return render(request, "demo/form.html")


@csrf_exempt
@require_POST
def upload(request):
    file = request.FILES["file"]
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return JsonResponse(
        {
            "name": file.name,
            "size": file.size,
            "sha256": digest.hexdigest(),
            "in_file": hasattr(file, "temporary_file_path"),
        }
    )


@require_GET
def stream(request):
    count = int(request.GET.get("count", 5))
    return StreamingHttpResponse((f"line {i}\n" for i in range(count)), content_type="text/plain")


@require_GET
def source(request):
    """This file, through wsgi.file_wrapper."""
    return FileResponse(open(__file__, "rb"), content_type="text/x-python")


@require_GET
def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


@require_GET
def fail(request):
    raise RuntimeError("a view raised on purpose")
