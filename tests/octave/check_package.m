% The functions of analysis/matlab read what Octave's own load reads, in columns, draw it, and refuse bad files.
% Usage: octave-cli check_package.m FOLDER FILE.h5      FOLDER holds the functions; FILE is of linear_regression.toml

function check(condition, varargin)
  if ! condition
    error(["check_package: " varargin{1}], varargin{2:end});
  endif
endfunction

function message = refusal(identifier, varargin)
  message = "";
  try
    dynvert_read(varargin{:});
  catch failure
    check(strcmp(failure.identifier, identifier), "%s: identifier %s", failure.message, failure.identifier);
    message = failure.message;
  end_try_catch
  check(! isempty(message) && ! any(message == "\n"), "no message of one line for %s", varargin{1});
endfunction

function write_bytes(path, bytes)
  id = fopen(path, "w");
  fwrite(id, bytes);
  fclose(id);
endfunction

arguments = argv();
path = arguments{end};
addpath(arguments{end - 1});
set(0, "defaultfigurevisible", "off");

% values and axes
file = load("-hdf5", path);
run = dynvert_read(path);
check(strcmp(run.format, "dynvert-1"), "format is %s", run.format);
names = fieldnames(file.models);
check(isequal(sort(fieldnames(run.models)), sort(names)), "models differ");
count = 0;
for i = 1:numel(names)
  groups = fieldnames(file.models.(names{i}));
  for k = 1:numel(groups)
    stored = file.models.(names{i}).(groups{k});
    datasets = fieldnames(stored);
    for n = 1:numel(datasets)
      read = run.models.(names{i}).(groups{k}).(datasets{n});
      expected = stored.(datasets{n});
      if isvector(expected) && size(expected, 1) == 1
        expected = expected(:);
      elseif ! isvector(expected)
        expected = permute(expected, [2 1 3:ndims(expected)]);
      endif
      check(isequaln(read, expected), "%s/%s/%s differs", names{i}, groups{k}, datasets{n});
      count += 1;
    endfor
  endfor
endfor
check(count > 100, "only %d datasets", count);
DI = run.models.DI;
check(isequal(size(DI.trace.delta_1), [1000 20 5]), "delta_1 is not time x unit x record");
check(isequal(size(DI.weights.W2), [10 20 5]), "W2 is not n_2 x n_1 x snapshot");
check(iscolumn(DI.eval.nse) && numel(DI.eval.nse) == 2001, "nse is no column");
check(isequal(size(run.task.x), [2000 30]) && iscolumn(run.task.order), "task");
check(! isempty(strfind(run.config, "[experiment]")), "the configuration");
% the residual of a settled loop: the axes are as they say
record = find(DI.trace.trial == 500);
W = DI.weights.W2(:, :, find(DI.weights.snapshot == 500));
s = DI.trace.s_2(record, :).';
residual = norm(W * DI.trace.delta_1(end, :, record).' - 0.01 * DI.trace.u_2(end, :, record).' - s) / norm(s);
recorded = DI.learning.residual_2(501);
check(abs(residual - recorded) <= 1e-9, "residual %g, recorded %g", residual, recorded);

% the steady state, from another form of the equations: delta = (B W - alpha I)^-1 B s
B = DI.weights.B2(:, :, find(DI.weights.snapshot == 500));
steady = dynvert_steady_state(run, "DI", 500, 2);
expected = (B * W - 0.01 * eye(20)) \ (B * s);
check(norm(steady.delta_1.' - expected) <= 1e-9 * norm(expected), "the steady state");
check(isempty(dynvert_steady_state(run, "DI", 100, 2)), "a steady state without the weights of the trial");
distance = sqrt(sum((DI.trace.delta_1(:, :, record) - steady.delta_1) .^ 2, 2)) / norm(steady.delta_1);
settled = DI.trace.time(find(distance > 0.02, 1, "last") + 1);
check(settled == DI.learning.settling_time_2(501), "settles at %g", settled);

% roles
part = dynvert_role(run, "DI", "trace", "delta_1");
check(strcmp(part.role, "error") && part.layer == 1 && part.loop == 2 && part.credit_layer == 1, "role of delta_1");
part = dynvert_role(run, "DI", "weights", "B2");
check(strcmp(part.role, "feedback") && part.loop == 2, "role of B2");
check(strcmp(dynvert_role(run, "DI", "trace", "record").role, "auxiliary"), "role of record");

% parts
part = dynvert_read(path, "DI_2", "trace");
check(isequal(fieldnames(part.models), {"DI_2"}) && isequal(fieldnames(part.models.DI_2), {"trace"}), "parts");
check(isequaln(part.models.DI_2.trace, run.models.DI_2.trace), "a part differs from the whole");

% a transient
handle = dynvert_plot_transient(run, "DI", 500);
panels = findobj(handle, "type", "axes");
panels = panels(! strcmp(get(panels, "tag"), "legend"));
check(numel(panels) == 3, "%d panels", numel(panels));
[~, top] = max(cellfun(@(p) p(2), get(panels, "position")));
lines = findobj(panels(top), "type", "line", "linestyle", "-");
drawn = sortrows(cell2mat(get(lines, "ydata")));
check(isequal(drawn, sortrows(DI.trace.delta_1(:, :, record).')), "the lines are not delta_1");
[~, bottom] = min(cellfun(@(p) p(2), get(panels, "position")));
line = findobj(panels(bottom), "type", "line", "linestyle", "-");
check(isequal(get(line(1), "ydata")(:), distance), "the distance is not that from the steady state");
dashed = findall(panels(top), "type", "line", "linestyle", "--");
check(isequal(get(dashed, "xdata"), DI.trace.settling_time(record) * [1 1]), "the settling time");
close(handle);
for request = {{"DI", 7, "trial 7 of DI was not recorded; recorded: 0, 100"}, {"BP", 0, "has no trajectories"}, ...
               {"DJ", 0, "no model has the name 'DJ'"}}
  message = "";
  try
    dynvert_plot_transient(run, request{1}{1:2});
  catch failure
    message = failure.message;
  end_try_catch
  check(! isempty(strfind(message, request{1}{3})), "message: %s", message);
endfor

% refusals
message = refusal("dynvert:request", path, "DJ");
check(! isempty(strfind(message, "there are: BP")), "%s", message);
message = refusal("dynvert:request", path, "BP", "trace");
check(! isempty(strfind(message, "BP has no group 'trace'; it has: eval, learning, weights")), "%s", message);
folder = tempname();
mkdir(folder);
unwind_protect
  bad = fullfile(folder, "bad.h5");
  check(! isempty(strfind(refusal("dynvert:file", bad), "there is no such file")), "missing");
  check(! isempty(strfind(refusal("dynvert:file", folder), "is a folder")), "folder");
  write_bytes(bad, uint8("hello, this is text and more than eight bytes"));
  check(! isempty(strfind(refusal("dynvert:file", bad), "not an HDF5 file")), "text");
  id = fopen(path);
  bytes = fread(id, Inf, "uint8=>uint8")';
  fclose(id);
  for length = [40 1000 floor(numel(bytes) / 2) (numel(bytes) - 1)]
    write_bytes(bad, bytes(1:length));
    check(! isempty(strfind(refusal("dynvert:file", bad), "is truncated")), "%d bytes", length);
  endfor
  place = strfind(char(bytes(1:2 ^ 20)), "dynvert-1")(1);
  newer = bytes;
  newer(place + 8) = uint8("2");
  write_bytes(bad, newer);
  message = refusal("dynvert:file", bad);
  check(! isempty(strfind(message, "is of the format dynvert-2, and this version reads dynvert-1")), "%s", message);
  other = bytes;
  other(place:place + 8) = uint8("CF-1.8   ");
  write_bytes(bad, other);
  message = refusal("dynvert:file", bad);
  check(! isempty(strfind(message, "was not written by dynvert: its attribute Conventions is 'CF-1.8   '")), "%s", message);
  x = 1:3;
  save("-hdf5", bad, "x");
  check(! isempty(strfind(refusal("dynvert:file", bad), "was not written by dynvert")), "Octave's own file");
unwind_protect_cleanup
  confirm_recursive_rmdir(false, "local");
  rmdir(folder, "s");
end_unwind_protect
printf("%d datasets read, one trial drawn, bad files refused\n", count);
