% The functions of analysis/matlab read and draw files of 0.1.0, which have no roles.
% Usage: octave-cli check_old_files.m FOLDER DATA      FOLDER holds the functions, DATA the compressed files

arguments = argv();
addpath(arguments{end - 1});
data = arguments{end};
set(0, "defaultfigurevisible", "off");
folder = tempname();
mkdir(folder);
unwind_protect
  % panels of each model: error populations and controllers, drives of the concurrent one, distance where it is drawn
  expected = {"learning", {"sequential", 5; "single", 4; "repeat", 6; "concurrent", 7}; ...
              "inversion", {"DI", 3}; "circuit", {"circuit", 3}};
  for i = 1:rows(expected)
    file = gunzip(fullfile(data, [expected{i, 1} ".h5.gz"]), folder){1};
    run = dynvert_read(file);
    for model = expected{i, 2}.'
      handle = dynvert_plot_transient(run, model{1}, 0);
      panels = findobj(handle, "type", "axes");
      panels = panels(! strcmp(get(panels, "tag"), "legend"));
      if numel(panels) != model{2}
        error("check_old_files: %s has %d panels, expected %d", model{1}, numel(panels), model{2});
      endif
      close(handle);
    endfor
  endfor
unwind_protect_cleanup
  confirm_recursive_rmdir(false, "local");
  rmdir(folder, "s");
end_unwind_protect
printf("three files of 0.1.0 read and drawn\n");
