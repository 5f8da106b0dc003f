# The Debian 12 packages that dynvert is built from, in one place; sourced by examples/quickstart.sh and tests/run.sh.

build_packages="g++ cmake ninja-build pkg-config git libboost-dev libarmadillo-dev libopenblas-dev liblapack-dev libhdf5-dev
  libmatio-dev libcli11-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev zlib1g-dev nettle-dev"
plot_packages="python3 python3-numpy python3-h5py python3-xarray python3-matplotlib"
test_packages="catch2 librapidcheck-dev clang-14 libclang-rt-14-dev clang-format-14 cppcheck python3-scipy python3-netcdf4
  python3-h5netcdf octave gnuplot-nox qemu-user
  fonts-freefont-otf hdf5-tools chromium chromium-driver python3-selenium"
benchmark_packages="libbenchmark-dev"
# npm fetches the plotting library of `dynvert report`. A machine may have one from elsewhere, with which Debian's does not
# go together.
command -v npm >/dev/null || test_packages+=" npm"

# Installs those of the named packages that are missing. Asks for nothing and runs nothing when none is.
install_missing() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing: ${missing[*]}"
  local run=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These Debian packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2
      return 1
    fi
    run=(sudo)
  fi
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
