# Writes OUT, a C file with the digest of the sources that fused units are made of: the contract's headers and the
# elements. src/engine/fuse/sources.ts computes the same.
file(GLOB FILES RELATIVE ${ROOT} ${ROOT}/native/include/clicklet/*.h ${ROOT}/elements/*/*.c ${ROOT}/elements/*/*.h)
list(SORT FILES COMPARE STRING)
set(LIST "")
foreach(FILE ${FILES})
  file(SHA256 ${ROOT}/${FILE} DIGEST)
  string(APPEND LIST "${FILE} ${DIGEST}\n")
endforeach()
string(SHA256 DIGEST "${LIST}")
file(WRITE ${OUT}
  "#include <clicklet/fused.h>\nconst char *const engine_sources = \"${DIGEST}\";\n")
