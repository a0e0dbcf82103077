# Ollama's own image, the only one there is: its build needs the Go module proxy and hours. Not built by the kit's
# makers, who have no registry.
#
# Built by `kit images build ollama/cuda`, which names the image by digest in OFFICIAL.
ARG OFFICIAL=scratch

FROM ${OFFICIAL} AS official
# Models are uploaded over HTTP and kept here. The file system is read-only when it runs, so this is a volume of the
# container's own, which goes away with it.
COPY --chown=10001:10001 extra-ca/README /ollama/README
# Code that the driver compiles for a GPU that the image has none for is kept in another, of the kit.
COPY --chown=10001:10001 extra-ca/README /cache/cuda/README
ENV HOME=/ollama OLLAMA_MODELS=/ollama/models CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
VOLUME /ollama
USER 10001:10001
