# The official image, as the user of all servers, with a place for what it compiles at its first start. Not built yet.
ARG OFFICIAL=scratch
FROM ${OFFICIAL} AS official
COPY --chown=10001:10001 extra-ca/README /cache/README
ENV HOME=/cache XDG_CACHE_HOME=/cache TRITON_CACHE_DIR=/cache/triton TORCHINDUCTOR_CACHE_DIR=/cache/inductor \
    FLASHINFER_WORKSPACE_BASE=/cache CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
USER 10001:10001
