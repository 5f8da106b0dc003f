function handle = dynvert_plot_transient(run, model, trial)
% DYNVERT_PLOT_TRANSIENT  Draws one recorded trial: error populations, controllers, and the distance from the steady state.
%
%   run = dynvert_read('linear_regression.h5');
%   dynvert_plot_transient(run, 'DI_2', 500)
%   handle = dynvert_plot_transient(...)      the figure
%
% run: of dynvert_read. trial: number of the trial, from 0. One panel for each error population and controller, one line a unit;
% below them, for each credit signal delta, |delta(t) - delta*| / |delta*| with delta* its steady state, or where that is not known
% (dynvert_steady_state) its value at the trial's end, dotted, as in Python. A dashed line marks the settling time: from then on
% every loop stays within the settling band (2 % by default) around its steady state. Of a model that runs on a schedule the drives,
% too, and lines where stimulus and target go on and off; of a circuit without loops all that moves in time.
%
% Error identifier: dynvert:request, where the model has no trajectories or the trial was not recorded.

  if ~isfield(run, 'models') || ~isfield(run.models, model)
    error('dynvert:request', '%s: no model has the name ''%s''', run.path, model);
  end
  if ~isfield(run.models.(model), 'trace')
    error('dynvert:request', '%s: %s has no trajectories', run.path, model);
  end
  trace = run.models.(model).trace;
  record = find(trace.trial == trial, 1);
  if isempty(record)
    known = strjoin(arrayfun(@(t) sprintf('%d', t), trace.trial(:)', 'UniformOutput', false), ', ');
    error('dynvert:request', '%s: trial %d of %s was not recorded; recorded: %s', run.path, trial, model, known);
  end
  names = fieldnames(trace);
  parts = cellfun(@(n) dynvert_role(run, model, 'trace', n), names, 'UniformOutput', false);
  roles = cellfun(@(p) p.role, parts, 'UniformOutput', false);
  has_role = @(role) names(strcmp(roles, role));
  deltas = sort(has_role('error'));
  populations = [deltas; sort(has_role('controller'))];
  switches = has_role('switch');
  concurrent = ~isempty(switches);
  time = trace.time(:);
  if concurrent
    populations = [sort(has_role('forward')); populations];
  elseif isempty(populations)
    axis_names = '^(time|record|trial|converged|settling_time|time_of_\w+|unit_\w+)$';
    moving = cellfun(@(n) size(trace.(n), 1) == numel(time_of(trace, n)) && isempty(regexp(n, axis_names, 'once')), names);
    populations = names(moving);
  end
  distant = ~concurrent && ~isempty(deltas);
  rows = numel(populations) + distant;
  handle = figure('visible', get(0, 'defaultfigurevisible'));
  place = get(handle, 'position');
  set(handle, 'position', [place(1:3) 150 * rows]);
  for i = 1:numel(populations)
    panel = subplot(rows, 1, i);
    plot(panel, time_of(trace, populations{i}), trace.(populations{i})(:, :, record), 'color', [0 0.447 0.698]);
    ylabel(panel, symbol(populations{i}));
    if i == 1
      title(panel, sprintf('%s, trial %d', strrep(model, '_', ' '), trial));
    end
    if concurrent
      for k = 1:numel(switches)
        changes = time(find(diff(double(trace.(switches{k})(record, :)))) + 1);
        arrayfun(@(t) mark(panel, t, [0.6 0.6 0.6]), changes);
      end
    else
      mark(panel, trace.settling_time(record), [0.835 0.369 0]);
    end
  end
  if distant
    panel = subplot(rows, 1, rows);
    distances(panel, run, model, deltas, trial);
    mark(panel, trace.settling_time(record), [0.835 0.369 0]);
  end
  xlabel(panel, 'time (units of the time constants)');
end

function time = time_of(trace, name)
% The samples of a population: its own, where it is recorded in its own way.
  if isfield(trace, ['time_of_' name])
    time = trace.(['time_of_' name])(:);
  else
    time = trace.time(:);
  end
end

function distances(panel, run, model, deltas, trial)
% How far each credit signal is from its steady state, or from where it ends.
  trace = run.models.(model).trace;
  record = find(trace.trial == trial, 1);
  shades = {[0 0 0], [0.45 0.45 0.45], [0.7 0.7 0.7]};
  labels = {};
  for i = 1:numel(deltas)
    part = dynvert_role(run, model, 'trace', deltas{i});
    if ~isfield(part, 'credit_layer')
      continue  % on the way to another
    end
    x = trace.(deltas{i})(:, :, record);
    steady = [];
    if isfield(part, 'loop')
      steady = dynvert_steady_state(run, model, trial, part.loop);
    end
    if isfield(steady, deltas{i})
      target = steady.(deltas{i});
      from = 'steady state';
      style = '-';
    else
      target = x(find(all(isfinite(x), 2), 1, 'last'), :);
      from = 'the trial''s end';
      style = ':';
    end
    distance = sqrt(sum((x - repmat(target, size(x, 1), 1)) .^ 2, 2)) / norm(target);
    distance(distance == 0) = NaN;  % the end itself
    labels{end + 1} = [symbol(deltas{i}) ' from ' from];
    semilogy(panel, trace.time(:), distance, 'color', shades{mod(numel(labels) - 1, numel(shades)) + 1}, 'linestyle', style);
    hold(panel, 'on');
  end
  hold(panel, 'off');
  ylabel(panel, 'distance');
  legend(panel, labels, 'location', 'southwest');
end

function text = symbol(name)
% delta_2_run_1 -> \delta_{2} (run 1)
  text = regexprep(name, '^delta', '\\delta');
  text = regexprep(text, '_(\d+)', '_{$1}', 'once');
  text = regexprep(text, '_run_(\d+)$', ' (run $1)');
end

function mark(panel, time, colour)
% A dashed line at a time, where there is one.
  if ~isfinite(time)
    return
  end
  limits = get(panel, 'ylim');
  line(time * [1 1], limits, 'parent', panel, 'color', colour, 'linestyle', '--', 'handlevisibility', 'off');
  set(panel, 'ylim', limits);
end
