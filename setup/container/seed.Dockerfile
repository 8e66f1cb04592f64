# SPDX-License-Identifier: MIT
# The well-known Dockerfile of the experiment with uWSGI, with another program in it. Line for line beside the original: setup/README.md.
#   docker build -t blog-clutch -f setup/container/seed.Dockerfile .
#   docker run -p 8000:8000 blog-clutch

# Use an official Python runtime as a parent image
ARG PYTHON=3.13-slim
FROM python:${PYTHON}

# Set the working directory in the container
WORKDIR /app

# Install clutch from its source
COPY . /usr/src/clutch
RUN cd /usr/src/clutch && setup/dependencies && setup/build && install build/release/clutch /usr/local/bin

# Copy the app into the container at /app
COPY pyapps/app_main.py /app

# Make port 8000 available to the world outside this container
EXPOSE 8000

# Define environment variable
ENV NAME=World

# Run clutch
CMD ["clutch", "--http", "0.0.0.0:8000", "--wsgi-file", "app_main.py", "--master", "--processes", "5"]
