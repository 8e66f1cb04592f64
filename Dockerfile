# SPDX-License-Identifier: MIT
# The demo:             docker build -t clutch . && docker run -p 8000:8000 clutch
# Another application:  docker build -t shop --build-arg APP_DIR=shop --build-arg APP=shop.wsgi --build-arg REQUIREMENTS=requirements.txt .
#
# What follows the image's name goes to clutch: docker run -p 8000:8000 clutch --workers 2. So do CLUTCH_* variables (-e).

FROM debian:trixie-slim AS build
WORKDIR /src
COPY setup/common.sh setup/dependencies setup/
COPY setup/cmake/describe_python.py setup/cmake/
RUN setup/dependencies run
COPY CMakeLists.txt CMakePresets.json ./
COPY setup setup
COPY csrc csrc
RUN setup/build release && DESTDIR=/image cmake --install build/release --strip --component program

# The directory of the application inside the build context, and its list of requirements inside that directory (none by default).
# They go to a virtual environment without pip: nothing is installed in a container that runs. The application is compiled now, as far
# as it can be: nothing is written in a container that runs.
ARG APP_DIR=pyapps
ARG REQUIREMENTS=
COPY ${APP_DIR} /image/app
RUN python3 -m venv --without-pip /venv && \
    if [ -n "$REQUIREMENTS" ]; then \
        python3 -m venv /pip && \
        /pip/bin/pip --python /venv/bin/python install --no-cache-dir --requirement "/image/app/$REQUIREMENTS"; \
    fi && \
    mv /venv /image/venv && \
    { python3 -m compileall -qq -s /image /image/app || true; }

FROM debian:trixie-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends libinih1 libllhttp9.2 libncursesw6 libpython3.13 python3 && \
    apt-get clean && rm -rf /var/lib/apt/lists/* && \
    groupadd --system --gid 10001 clutch && \
    useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin clutch
COPY --from=build /image /
COPY setup/container/healthcheck.py /usr/local/lib/clutch/healthcheck.py
WORKDIR /app

# A module, module:callable, file.py or file.py:callable, as seen from the application's directory.
ARG APP=app_main.py
ENV CLUTCH_APP=${APP} CLUTCH_BIND=0.0.0.0:8000 CLUTCH_WORKERS=5 CLUTCH_ACCESS_LOGFILE=- CLUTCH_ACCESS_LOGFORMAT=uwsgi \
    VIRTUAL_ENV=/venv PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python3", "/usr/local/lib/clutch/healthcheck.py"]
ENTRYPOINT ["clutch"]
