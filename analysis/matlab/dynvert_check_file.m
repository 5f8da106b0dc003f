function dynvert_check_file(path)
% DYNVERT_CHECK_FILE  Refuses, with one message, a file that is missing, not HDF5, truncated, or not of a format of dynvert's.
%
%   dynvert_check_file(path)
%
% Error identifier: dynvert:file.

  if ~ischar(path) || isempty(path)
    error('dynvert:file', 'the name of the file must be text, and not empty');
  end
  if exist(path, 'dir')
    error('dynvert:file', '%s: is a folder, not a file', path);
  end
  id = fopen(path, 'r', 'ieee-le');
  if id < 0
    error('dynvert:file', '%s: there is no such file, or it may not be read', path);
  end
  closer = onCleanup(@() fclose(id));
  start = fread(id, 64, 'uint8=>double')';
  if numel(start) < 8 || ~isequal(start(1:8), [137 72 68 70 13 10 26 10])
    error('dynvert:file', '%s: is not an HDF5 file; expected a file that dynvert wrote', path);
  end
  fseek(id, 0, 'eof');
  if numel(start) < 64 || ftell(id) < end_of_file(start)
    error('dynvert:file', '%s: is truncated, its end is missing; copy it again, or run the simulation again', path);
  end
  clear closer
  found = dynvert_format(path);
  if any(strcmp(found, {'dynvert-1', 'dynvert-map-1'}))
    return
  end
  if strncmp(found, 'dynvert-', 8)
    error('dynvert:file', ['%s: is of the format %s, and this version reads dynvert-1 and dynvert-map-1; use the version of ' ...
                           'dynvert that wrote it'], path, found);
  end
  error('dynvert:file', '%s: was not written by dynvert: its attribute Conventions is ''%s'', not ''dynvert-1''', path, found);
end

function bytes = end_of_file(start)
% Where the file ends by its own account: the end-of-file address of HDF5's superblock.
% Source: HDF5 File Format Specification Version 3.0, II.A "Disk Format: Level 0A - Format Signature and Superblock".
  version = start(9);
  if version <= 1
    at = 40 + 4 * version;  % version 1 has four more bytes
  else
    at = 28;
  end
  bytes = sum(start(at + (1:8)) .* 256 .^ (0:7));
end
