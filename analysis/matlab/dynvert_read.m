function run = dynvert_read(path, model, group)
% DYNVERT_READ  Reads a file that dynvert wrote into a struct, in MATLAB and in GNU Octave (7 or later).
%
%   run = dynvert_read('linear_regression.h5')
%   run = dynvert_read('linear_regression.h5', 'DI_2')
%   run = dynvert_read('linear_regression.h5', 'DI_2', 'trace')
%
% Reads a run (dynvert simulate, format dynvert-1) or a stability map (dynvert inspect --map, format dynvert-map-1), whole, or
% of one model, or of one group of one model. The result holds
%
%   run.path, run.format, run.config                      the configuration as text
%   run.task.x, run.task.t, run.task.order
%   run.models.NAME.learning, .eval, .weights, .trace     of a run, as far as the file has them
%   run.maps.NAME                                         of a stability map
%   run.roles.NAME.GROUP.DATASET                          role, layer, loop, .. of the datasets of trace and weights; in MATLAB
%                                                         alone, for Octave cannot read attributes (dynvert_role)
%
% Axes are as in the MAT-files of dynvert export: the last two of the file are rows and columns, the others follow from the last
% to the first.
%
%   run.models.DI.trace.delta_1      time x unit x record
%   run.models.DI.trace.s_2          record x unit
%   run.models.DI.weights.W1         n_1 x n_0 x snapshot: W1 of snapshot k is run.models.DI.weights.W1(:, :, k)
%   run.models.DI.eval.nse           evaluation x 1, as every dataset of one axis
%
% Numbers of trials, units and records count from 0, as in the file; positions in the struct count from 1, as always here.
% Octave reads the whole file whatever is asked for; MATLAB only what is asked for.
%
% Errors, with identifiers dynvert:file (missing, not ours, truncated, damaged, of a newer format) and dynvert:request (no such
% model or group).

  dynvert_check_file(path);
  run.path = path;
  run.format = dynvert_format(path);
  run.config = dynvert_attribute(path, 'config');
  if strcmp(run.format, 'dynvert-map-1')
    parent = 'maps';
  else
    parent = 'models';
  end
  if nargin < 2
    model = '';
  end
  if nargin < 3
    group = '';
  end
  if exist('OCTAVE_VERSION', 'builtin')
    content = read_octave(path);
  else
    [content, run.roles] = read_matlab(path, parent, model, group);
  end
  if ~isfield(content, parent) || ~isstruct(content.(parent))
    error('dynvert:file', '%s: has no group /%s, the file is damaged', path, parent);
  end
  if isfield(content, 'task')
    run.task = oriented(content.task, 'task');
  end
  names = fieldnames(content.(parent));
  if ~isempty(model)
    if ~any(strcmp(names, model))
      error('dynvert:request', '%s: no model has the name ''%s''; there are: %s', path, model, strjoin(names(:)', ', '));
    end
    names = {model};
  end
  for i = 1:numel(names)
    found = content.(parent).(names{i});
    if ~isempty(group)
      if ~isfield(found, group)
        there = strjoin(fieldnames(found)', ', ');
        error('dynvert:request', '%s: %s has no group ''%s''; it has: %s', path, names{i}, group, there);
      end
      part = struct();
      part.(group) = found.(group);
      found = part;
    end
    run.(parent).(names{i}) = oriented(found, group);
  end
end

function s = oriented(s, group)
% The readers show the axes of HDF5 reversed. A dataset of one axis becomes a column (Octave reads a row), of others the first
% two axes change places; in every group below s.
  one_axis = ['^(trial|record|time|time_\w+|snapshot|evaluation|sample|input|output|column|order|alpha|ratio|unit_\w+|' ...
              'source_\w+|converged|settling_time)$'];
  names = fieldnames(s);
  for i = 1:numel(names)
    item = s.(names{i});
    if isstruct(item)
      s.(names{i}) = oriented(item, names{i});
    elseif (any(strcmp(group, {'learning', 'eval', 'grid'})) && isempty(regexp(names{i}, '^(credit|end)_', 'once'))) || ...
           ~isempty(regexp(names{i}, one_axis, 'once'))
      if isvector(item)
        s.(names{i}) = item(:);
      else  % a matrix among them: order of batches
        s.(names{i}) = item.';
      end
    else
      s.(names{i}) = permute(item, [2 1 3:ndims(item)]);
    end
  end
end

function content = read_octave(path)
  try
    content = load('-hdf5', path);
  catch failure
    error('dynvert:file', '%s: cannot be read, the file is damaged (%s)', path, failure.message);
  end
end

function [content, roles] = read_matlab(path, parent, model, group)
  content = struct();
  roles = struct();
  try
    info = h5info(path);
    for i = 1:numel(info.Groups)
      top = info.Groups(i);
      name = top.Name(2:end);
      if ~any(strcmp(name, {'task', parent}))
        continue
      end
      if strcmp(name, parent)
        content.(name) = struct();
        for k = 1:numel(top.Groups)
          child = top.Groups(k);
          parts = strsplit(child.Name, '/');
          wanted = isempty(model) || strcmp(parts{end}, model);
          content.(name).(parts{end}) = read_group(path, child, wanted, group);
          roles.(parts{end}) = roles_of(child, struct());
        end
      else
        content.(name) = read_group(path, top, true, '');
      end
    end
  catch failure
    error('dynvert:file', '%s: cannot be read, the file is damaged (%s)', path, failure.message);
  end
end

function roles = roles_of(info, roles)
% The attributes role, layer, .. of the datasets of trace and weights; none of a file of 0.1.0.
  for i = 1:numel(info.Groups)
    parts = strsplit(info.Groups(i).Name, '/');
    if ~any(strcmp(parts{end}, {'trace', 'weights'}))
      continue
    end
    for k = 1:numel(info.Groups(i).Datasets)
      dataset = info.Groups(i).Datasets(k);
      for n = 1:numel(dataset.Attributes)
        attribute = dataset.Attributes(n);
        if any(strcmp(attribute.Name, {'role', 'of_role', 'layer', 'loop', 'credit_layer', 'target_layer', 'source_layer'}))
          value = attribute.Value;
          if iscell(value)
            value = value{1};
          end
          roles.(parts{end}).(dataset.Name).(attribute.Name) = value;
        end
      end
    end
  end
end

function s = read_group(path, info, wanted, only)
% The datasets of a group and of the groups in it. wanted: read them; else only their names count.
  s = struct();
  for i = 1:numel(info.Datasets)
    name = info.Datasets(i).Name;
    if wanted && isempty(only)
      s.(name) = h5read(path, [info.Name '/' name]);
    end
  end
  for i = 1:numel(info.Groups)
    parts = strsplit(info.Groups(i).Name, '/');
    here = wanted && (isempty(only) || strcmp(parts{end}, only));
    s.(parts{end}) = read_group(path, info.Groups(i), here, '');
  end
end
