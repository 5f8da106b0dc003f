function handle = dynvert_plot_transient(run, model, trial)
% DYNVERT_PLOT_TRANSIENT  Draws one recorded trial: error populations, controllers, and the distance from the trial's end.
%
%   run = dynvert_read('linear_regression.h5');
%   dynvert_plot_transient(run, 'DI_2', 500)
%   handle = dynvert_plot_transient(...)      the figure
%
% run: of dynvert_read. trial: number of the trial, from 0. One panel for each population delta_l and u_l, one line a unit; below
% them, for each delta_l, |delta_l(t) - delta_l(end)| / |delta_l(end)|. A dashed line marks the settling time: from then on every
% loop stays within 2 % of its steady state. Of a concurrent model the drives a_l, too, and lines where stimulus and target
% go on and off.
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
  deltas = sort(names(strncmp(names, 'delta_', 6)));
  populations = [deltas; sort(names(strncmp(names, 'u_', 2)))];
  concurrent = isfield(trace, 'target');
  if concurrent
    populations = [sort(names(strncmp(names, 'a_', 2))); populations];
  end
  time = trace.time(:);
  rows = numel(populations) + ~concurrent;
  handle = figure('visible', get(0, 'defaultfigurevisible'));
  place = get(handle, 'position');
  set(handle, 'position', [place(1:3) 150 * rows]);
  for i = 1:numel(populations)
    panel = subplot(rows, 1, i);
    plot(panel, time, trace.(populations{i})(:, :, record).', 'color', [0 0.447 0.698]);
    ylabel(panel, symbol(populations{i}));
    if i == 1
      title(panel, sprintf('%s, trial %d', strrep(model, '_', ' '), trial));
    end
    if concurrent
      switches = time(find(diff(double(trace.stimulus(:, record)) + 2 * double(trace.target(:, record)))) + 1);
      arrayfun(@(t) mark(panel, t, [0.6 0.6 0.6]), switches);
    else
      mark(panel, trace.settling_time(record), [0.835 0.369 0]);
    end
  end
  if ~concurrent
    panel = subplot(rows, 1, rows);
    distances(panel, trace, deltas, record);
    mark(panel, trace.settling_time(record), [0.835 0.369 0]);
  end
  xlabel(panel, 'time (units of the time constants)');
end

function distances(panel, trace, deltas, record)
% How far each error population is from where it ends.
  styles = {'-', '--', ':', '-.'};
  for i = 1:numel(deltas)
    x = trace.(deltas{i})(:, :, record);
    reached = find(all(isfinite(x), 1), 1, 'last');
    target = x(:, reached);
    distance = sqrt(sum((x - repmat(target, 1, size(x, 2))) .^ 2, 1)) / norm(target);
    distance(distance == 0) = NaN;  % the end itself
    semilogy(panel, trace.time(:), distance, 'color', 'k', 'linestyle', styles{mod(i - 1, numel(styles)) + 1});
    hold(panel, 'on');
  end
  hold(panel, 'off');
  ylabel(panel, 'distance');
  legend(panel, cellfun(@symbol, deltas, 'UniformOutput', false), 'location', 'southwest');
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
