# llama.cpp's llama-server with CUDA. Written from llama.cpp's .devops/cuda.Dockerfile; not built by the kit's makers.
#
# Two targets, as in cpu.Dockerfile: `official` is the runtime's own image, named in OFFICIAL and otherwise
# `scratch`, so that a build of `source` passes it at no cost; `source` compiles llama.cpp.
#
# Built by `kit images build llamacpp/cuda`, which makes the context:
#   source/            the archive of llama-cpp-python, which carries the tree of llama.cpp
#   extra-ca/          a README, so that a folder can be made of it
ARG OFFICIAL=scratch
ARG BUILDER=nvidia/cuda:12.8.1-devel-ubuntu24.04
ARG BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04

FROM ${OFFICIAL} AS official
# Code that the driver compiles for a GPU that the image has none for is kept here, in a volume of the kit.
COPY --chown=10001:10001 extra-ca/README /cache/cuda/README
ENV CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
USER 10001:10001

FROM ${BUILDER} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake gcc-14 g++-14 ninja-build \
 && rm -rf /var/lib/apt/lists/*
ADD source/llama_cpp_python-*.tar.gz /src/
ARG LLAMA_BUILD_NUMBER
ARG LLAMA_BUILD_COMMIT
# Code for every generation of GPUs that llama.cpp builds by default: an image for one GPU only would make another
# one compile for minutes at its first start. libcuda comes from the driver at run time, so the linker lets it be
# missing.
RUN CC=gcc-14 CXX=g++-14 CUDAHOSTCXX=g++-14 cmake -S /src/*/vendor/llama.cpp -B /build -G Ninja \
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_RPATH='$ORIGIN' -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
      -DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined \
      -DBUILD_SHARED_LIBS=ON -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_NATIVE=OFF -DGGML_CUDA=ON \
      -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
      -DLLAMA_OPENSSL=OFF \
      -DLLAMA_BUILD_NUMBER="${LLAMA_BUILD_NUMBER}" -DLLAMA_BUILD_COMMIT="${LLAMA_BUILD_COMMIT}" \
 && cmake --build /build --target llama-server \
 && mkdir /app && cp -P /build/bin/llama-server /build/bin/*.so* /app/

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /cache/cuda && chown -R 10001:10001 /cache
COPY --from=build /app /app
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CUDA_CACHE_PATH=/cache/cuda CUDA_CACHE_MAXSIZE=4294967296
VOLUME /cache
USER 10001:10001
WORKDIR /app
EXPOSE 8080
ENTRYPOINT ["/app/llama-server"]
