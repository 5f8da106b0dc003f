% A MAT-file of dynvert export holds the numbers of the file that it was made from, with the axes that dynvert_read gives them.
% Usage: octave-cli check_export.m FOLDER FILE.h5 FILE.mat      FOLDER holds the functions of analysis/matlab

1;

% Octave shows the axes of HDF5 reversed; in the MAT-file the last two of them are rows and columns, the others follow
% in reverse order: of the reversed axes the first two are swapped.
function count = compare(group, exported, where)
  count = 0;
  names = fieldnames(group);
  for i = 1:numel(names)
    here = [where "." names{i}];
    if ! isfield(exported, names{i})
      error("check_export: %s is not in the MAT-file", here);
    endif
    item = group.(names{i});
    value = exported.(names{i});
    if isstruct(item)
      count += compare(item, value, here);
      continue;
    endif
    expected = double(item);
    if isvector(expected)
      expected = expected(:);
      value = value(:);
    else
      expected = permute(expected, [2, 1, 3:ndims(expected)]);
    endif
    if ! isa(value, "double") || ! isequaln(value, expected)
      error("check_export: %s differs: %s, expected %s", here, mat2str(size(value)), mat2str(size(expected)));
    endif
    count += 1;
  endfor
endfunction

arguments = argv();
path = arguments{end - 1};
file = load("-hdf5", path);
exported = load(arguments{end});
count = compare(file.task, exported.task, "task");
models = fieldnames(file.models);
for i = 1:numel(models)
  name = models{i};
  count += compare(file.models.(name), exported.(name), name);
  if ! ischar(exported.(name).attributes.credit) || ! ischar(exported.(name).units.learning.trial_error)
    error("check_export: %s has no attributes or no units", name);
  endif
endfor
if ! strcmp(exported.file.Conventions, "dynvert-1") || isempty(strfind(exported.file.config, "[experiment]"))
  error("check_export: the attributes of the file are not in the MAT-file");
endif
% shapes as the page says: W2 to x from x snapshot, delta_1 time x unit x record
DI = exported.DI;
if ! isequal(size(DI.weights.W2)(1:2), [numel(DI.weights.unit_2), numel(DI.weights.unit_1)])
  error("check_export: W2 is %s", mat2str(size(DI.weights.W2)));
endif
if ! isequal(size(DI.trace.delta_1)(1:2), [numel(DI.trace.time), numel(DI.trace.unit_1)])
  error("check_export: delta_1 is %s", mat2str(size(DI.trace.delta_1)));
endif
% one order of axes, in every dataset
addpath(arguments{end - 2});
run = dynvert_read(path);
for i = 1:numel(models)
  groups = fieldnames(run.models.(models{i}));
  for k = 1:numel(groups)
    read = run.models.(models{i}).(groups{k});
    datasets = fieldnames(read);
    for n = 1:numel(datasets)
      value = exported.(models{i}).(groups{k}).(datasets{n});
      if ! isequaln(double(read.(datasets{n})), value)
        error("check_export: %s/%s/%s: dynvert_read gives %s, the MAT-file %s", models{i}, groups{k}, datasets{n}, ...
              mat2str(size(read.(datasets{n}))), mat2str(size(value)));
      endif
    endfor
  endfor
endfor
printf("%d datasets of %d models are the same\n", count, numel(models));
