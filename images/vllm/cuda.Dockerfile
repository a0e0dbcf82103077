# vLLM with CUDA (x86_64). Not built by the kit's makers.
#
# Two targets, as in images/llamacpp/cpu.Dockerfile: `official` is the runtime's own image, named in OFFICIAL and
# otherwise `scratch`, so that a build of `source` passes it at no cost; `source` installs vLLM's own wheel.
# The wheel is pinned by its hash. What it depends on (torch, CUDA libraries: gigabytes) comes from the package index
# inside the build, in whatever versions that resolves to, and is listed in /opt/vllm/resolved.txt.
#
# Built by `kit images build vllm/cuda`, which makes the context:
#   wheels/            the wheel of cuda.requirements.txt, and that file as requirements.txt
#   extra-ca/          certificates of a company's network, if KIT_CA_BUNDLE names some
ARG OFFICIAL=scratch
ARG BASE=nvidia/cuda:13.0.1-devel-ubuntu24.04

FROM ${OFFICIAL} AS official
# vLLM compiles kernels at start and loads them: they need a place that is writable and may hold code, which the
# engine's file systems in memory may not. The kit keeps this volume from the first to the last cell of a run.
COPY --chown=10001:10001 extra-ca/README /cache/cuda/README
ENV HOME=/tmp USER=kit VLLM_CACHE_ROOT=/cache/vllm TORCHINDUCTOR_CACHE_DIR=/cache/inductor \
    TRITON_CACHE_DIR=/cache/triton XDG_CACHE_HOME=/cache CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
USER 10001:10001

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /cache/cuda && chown -R 10001:10001 /cache
COPY extra-ca/ /tmp/extra-ca/
COPY wheels/ /wheels/
RUN cat /tmp/extra-ca/*.crt >> /etc/ssl/certs/ca-certificates.crt 2>/dev/null; \
    python3 -m venv /opt/vllm \
 && export PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
 && /opt/vllm/bin/pip install --no-deps --require-hashes --no-index --find-links /wheels -r /wheels/requirements.txt \
 && /opt/vllm/bin/pip install --no-cache-dir vllm \
 && /opt/vllm/bin/pip freeze > /opt/vllm/resolved.txt
ENV PATH=/opt/vllm/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp USER=kit VLLM_CACHE_ROOT=/cache/vllm TORCHINDUCTOR_CACHE_DIR=/cache/inductor \
    TRITON_CACHE_DIR=/cache/triton XDG_CACHE_HOME=/cache CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /cache
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
ENTRYPOINT ["vllm", "serve"]
