# Python with the package gguf: makes GGUF files of other GGUF files (requantize.py, tiny_llama.py).
# No step needs a package index: the wheels come with the context, fetched and checked on the host.
#
# Built by `kit images build gguf/cpu`, which makes the context:
#   wheels/            the wheels of cpu.requirements.txt, and that file as requirements.txt
ARG BASE=kit/base:bookworm

FROM ${BASE} AS wheels
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY wheels/ /wheels/
# Hashes once more, inside: what is installed is what the requirements name.
RUN python3 -m pip install --no-index --find-links /wheels --no-deps --require-hashes --no-compile \
      --no-cache-dir --disable-pip-version-check --target /opt/packages -r /wheels/requirements.txt

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=wheels /opt/packages /opt/packages
ENV PYTHONPATH=/opt/packages PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["python3"]
