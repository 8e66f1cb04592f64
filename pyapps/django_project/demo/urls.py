# SPDX-License-Identifier: MIT
"""Paths of the demonstration project."""

from django.urls import path

from demo import views

urlpatterns = [
    path("", views.index, name="index"),
    path("hello/<str:name>/", views.hello, name="hello"),
    path("form/", views.form, name="form"),
    path("upload/", views.upload, name="upload"),
    path("stream/", views.stream, name="stream"),
    path("source/", views.source, name="source"),
    path("visits/", views.visits, name="visits"),
    path("fail/", views.fail, name="fail"),
]
