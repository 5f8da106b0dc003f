function steady = dynvert_steady_state(run, model, trial, loop)
% DYNVERT_STEADY_STATE  Where the populations of a linear control loop come to rest in a recorded trial.
%
%   steady = dynvert_steady_state(run, 'DI_2', 500, 2)        steady.delta_1, steady.u_2: 1 x unit; [] where it is not known
%
% run: of dynvert_read. With the weights of the trial, W = W_top .. W_{bottom+1}, and the signal s that the loop inverts
% (Podlaski & Machens 2020):
%
%   (W B - alpha I) u = s,   delta_bottom = B u,   delta_l = W_l delta_{l-1}
%
% Not known: the file has no snapshot of the weights of just this trial, the transfer is not linear, what is needed was not
% recorded, or there is no unique steady state.

  steady = [];
  data = run.models.(model);
  [transfer, alpha] = parameters(run, model, trial);
  if ~isfield(data, 'weights') || ~isfield(data, 'trace') || ~strcmp(transfer, 'linear') || isempty(alpha)
    return
  end
  row = find(data.weights.snapshot == trial, 1, 'last');
  if isfield(data, 'grid')
    row = 1;  % nothing is learned
  end
  record = find(data.trace.trial == trial, 1);
  signal = of_loop(run, model, 'trace', 'inverted', loop);
  controller = of_loop(run, model, 'trace', 'controller', loop);
  feedback = of_loop(run, model, 'weights', 'feedback', loop);
  [errors, layers] = of_loop(run, model, 'trace', 'error', loop);
  if isempty(row) || isempty(record) || isempty(signal) || isempty(controller) || isempty(feedback) || isempty(errors)
    return
  end
  B = data.weights.(feedback{1})(:, :, row);
  forward = cell(1, numel(errors));  % W_{bottom+1} .. W_top
  W = 1;
  for i = 1:numel(errors)
    forward{i} = data.weights.(sprintf('W%d', layers(i) + 1))(:, :, row);
    W = forward{i} * W;
  end
  if ~isequal(size(W * B), numel(data.trace.(signal{1})(record, :)) * [1 1])
    return  % an error population on the way was not recorded
  end
  M = W * B - alpha * eye(size(B, 2));
  if ~(rcond(M) > eps)
    return
  end
  u = M \ data.trace.(signal{1})(record, :).';
  steady.(controller{1}) = u.';
  x = B * u;
  for i = 1:numel(errors)
    steady.(errors{i}) = x.';
    x = forward{i} * x;
  end
end

function [names, layers] = of_loop(run, model, group, role, loop)
% Datasets of a loop that have a role, from the lowest layer up.
  all = fieldnames(run.models.(model).(group));
  names = {};
  layers = [];
  for i = 1:numel(all)
    part = dynvert_role(run, model, group, all{i});
    if strcmp(part.role, role) && isfield(part, 'loop') && part.loop == loop
      names{end + 1} = all{i};
      layers(end + 1) = 0;
      if isfield(part, 'layer')
        layers(end) = part.layer;
      end
    end
  end
  [layers, order] = sort(layers);
  names = names(order);
end

function [transfer, alpha] = parameters(run, model, trial)
% From the model's table in the configuration, as the program writes it; on a grid alpha is that of the trial.
  transfer = '';
  alpha = [];
  tables = strsplit(run.config, '[[model]]');
  for i = 2:numel(tables)
    if isempty(regexp(tables{i}, ['^name = "' model '"'], 'once', 'lineanchors'))
      continue
    end
    found = regexp(tables{i}, '^transfer = "(\w+)"', 'tokens', 'once', 'lineanchors');
    if ~isempty(found)
      transfer = found{1};
    end
    found = regexp(tables{i}, '^alpha = (\S+)', 'tokens', 'once', 'lineanchors');
    if ~isempty(found)
      alpha = str2double(found{1});
    end
  end
  if isfield(run.models.(model), 'grid') && isfield(run.models.(model).grid, 'alpha')
    alpha = run.models.(model).grid.alpha(trial + 1);
  end
end
