# Completion of dynvert's command line in bash: commands, options, and the keys of --set. The program itself says what
# there is.

_dynvert() {
  COMPREPLY=()
  # words by blanks: bash would split them at the "=" of --set, too
  local line=${COMP_LINE:0:COMP_POINT} words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local word=${words[-1]} candidate
  # what bash puts in the place of the word is what follows the last "="
  local kept=${word%"${word##*=}"}
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate#"$kept"}")
  done < <("${words[0]/#\~/$HOME}" complete "${words[@]:1}" 2>/dev/null)
  if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _dynvert dynvert
