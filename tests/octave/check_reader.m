% Opens a whole dynvert-1 file as Octave users do.
% Usage: octave-cli check_reader.m FILE.h5

function count = check_group(group, where)
  count = 0;
  names = fieldnames(group);
  for i = 1:numel(names)
    item = group.(names{i});
    here = [where "/" names{i}];
    if isstruct(item)
      count += check_group(item, here);
    elseif isnumeric(item) && isreal(item)
      count += 1;
    else
      error("check_reader: %s is %s", here, class(item));
    endif
  endfor
endfunction

path = argv(){end};
file = load("-hdf5", path);
if ! isfield(file, "models")
  error("check_reader: %s has no models", path);
endif
count = check_group(file, "");
names = fieldnames(file.models);
for i = 1:numel(names)
  model = file.models.(names{i});
  if isfield(model, "weights") && isfield(model.weights, "W1")
    % Octave shows the axes reversed: layer 0, layer 1, snapshot.
    shape = size(model.weights.W1);
    expected = [numel(model.weights.unit_0), numel(model.weights.unit_1)];
    if ! isequal(shape(1:2), expected)
      error("check_reader: W1 of %s is %s", names{i}, mat2str(shape));
    endif
  endif
  if isfield(model, "learning") && ! isinteger(model.learning.trial)
    error("check_reader: learning/trial of %s is %s, not an integer", names{i}, class(model.learning.trial));
  endif
endfor
printf("%s: Octave opens %d datasets of %d models\n", path, count, numel(names));
