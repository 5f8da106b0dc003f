function part = dynvert_role(run, model, group, name)
% DYNVERT_ROLE  What a dataset of a model is for: part.role, and part.layer, part.loop, .. as far as it has them.
%
%   part = dynvert_role(run, 'DI_2', 'trace', 'delta_1')      part.role is 'error', part.layer 1, part.loop 2
%
% run: of dynvert_read. group: 'trace' or 'weights'. The roles are those of docs/file-format.md. MATLAB takes them from the file's
% attributes. Octave cannot read attributes, and files of 0.1.0 have none: there the names of the built-in models tell, here and
% nowhere else; what they do not tell is 'auxiliary'.

  if isfield(run, 'roles') && isfield(run.roles, model) && isfield(run.roles.(model), group) && ...
     isfield(run.roles.(model).(group), name)
    part = run.roles.(model).(group).(name);
    return
  end
  part = by_name(run.models.(model), name);
  if strcmp(group, 'trace') && ...
     any(isfield(run.models.(model).trace, {['unit_of_' name], ['time_of_' name]}))
    part.of_role = part.role;
    part.role = 'excerpt';
  end
end

function part = by_name(model, name)
  patterns = {'^delta_(?<layer>\d+)(_run_(?<loop>\d+))?$', 'error'; '^u_(?<loop>\d+)$', 'controller'; ...
              '^s_(?<loop>\d+)$', 'inverted'; '^a_(?<layer>\d+)$', 'forward'; '^h_(?<layer>0)$', 'input'; '^t$', 'target'; ...
              '^e$', 'output_error'; '^(stimulus|target)$', 'switch'; '^[Wb](?<target_layer>\d+)$', 'weights'; ...
              '^B(?<loop>\d*)$', 'feedback'};
  part = struct('role', 'auxiliary');
  for i = 1:size(patterns, 1)
    if isempty(regexp(name, patterns{i, 1}, 'once'))
      continue
    end
    part.role = patterns{i, 2};
    found = regexp(name, patterns{i, 1}, 'names', 'once');
    keys = fieldnames(found);
    for k = 1:numel(keys)
      if ~isempty(found.(keys{k}))
        part.(keys{k}) = str2double(found.(keys{k}));
      end
    end
    break
  end
  loops = controllers(model);
  if strcmp(part.role, 'feedback') && ~isfield(part, 'loop') && ~isempty(loops)
    part.loop = loops(1);  % "B": of the only loop
  end
  if strcmp(part.role, 'error') && ~isfield(part, 'loop')
    part.credit_layer = part.layer;
    if numel(loops) == 1
      part.loop = loops;
    elseif ~isempty(loops) && loops(1) == 1  % a loop for each layer
      part.loop = part.layer;
    elseif ~isempty(loops)
      part.loop = part.layer + 1;
    end
  end
end

function loops = controllers(model)
% Numbers of the loops whose controllers were recorded.
  loops = [];
  if isfield(model, 'trace')
    found = regexp(fieldnames(model.trace), '^u_(\d+)$', 'tokens', 'once');
    loops = reshape(sort(cellfun(@(t) str2double(t{1}), found(~cellfun(@isempty, found)))), 1, []);
  end
end
