function text = dynvert_attribute(path, name)
% DYNVERT_ATTRIBUTE  A text among the attributes of a file itself, as 'Conventions' and 'config'; '' where there is none.
%
%   text = dynvert_attribute(path, name)
%
% The file is one of HDF5. MATLAB asks HDF5; Octave, which cannot read attributes, reads the bytes: the attribute message by its
% name, and its text in the global heap that the message points to. The program writes these first, so they are found near the
% start.
% Source: HDF5 File Format Specification Version 3.0, IV.A.2.m "The Attribute Message", III.E "Disk Format: Level 1E - Global
% Heap".

  if exist('OCTAVE_VERSION', 'builtin')
    text = from_bytes(path, name);
    return
  end
  try
    text = h5readatt(path, '/', name);
  catch
    text = '';
  end
  if iscell(text)
    text = text{1};
  end
  if ~ischar(text) && ~(isstring(text) && isscalar(text))
    text = '';
  end
  text = char(text);
end

function text = from_bytes(path, name)
  text = '';
  name = [double(name) 0];
  id = fopen(path, 'r', 'ieee-le');
  closer = onCleanup(@() fclose(id));
  block = 2 ^ 20;
  overlap = 512;  % more than a message takes
  for start = 0:block:file_size(id)
    fseek(id, start, 'bof');
    bytes = fread(id, block + overlap, 'uint8=>double')';
    for place = strfind(char(bytes), char(name))
      [address, index, count] = reference(bytes, place, numel(name));
      if count < 1 || count > 2 ^ 24
        continue
      end
      text = heap_text(id, address, index, count);
      if ~isempty(text)
        return
      end
    end
  end
end

function bytes = file_size(id)
  fseek(id, 0, 'eof');
  bytes = ftell(id);
end

function [address, index, count] = reference(bytes, place, name_size)
% Where the text of the attribute whose name starts at a place is. count 0: this is no attribute message.
  address = 0;
  index = 0;
  count = 0;
  for version = [1 3]
    head = place - 8 - (version == 3);  % before the name, version 3 also tells its character set
    if head < 1 || bytes(head) ~= version || number(bytes, head + 2, 2) ~= name_size
      continue
    end
    sizes = [name_size, number(bytes, head + 4, 2), number(bytes, head + 6, 2)];
    if version == 1
      sizes = 8 * ceil(sizes / 8);
    end
    data = place + sum(sizes);
    if data + 15 > numel(bytes) || mod(bytes(place + sizes(1)), 16) ~= 9  % class 9: variable length
      continue
    end
    count = number(bytes, data, 4);
    address = number(bytes, data + 4, 8);
    index = number(bytes, data + 12, 4);
    return
  end
end

function text = heap_text(id, address, index, count)
% An object of a global heap collection, as text.
  text = '';
  fseek(id, address, 'bof');
  heap = fread(id, 16, 'uint8=>double')';
  if numel(heap) < 16 || ~strcmp(char(heap(1:4)), 'GCOL')
    return
  end
  heap = [heap fread(id, min(number(heap, 9, 8), 2 ^ 24) - 16, 'uint8=>double')'];
  at = 17;
  while at + 15 <= numel(heap)
    bytes = number(heap, at + 8, 8);
    if number(heap, at, 2) == index
      if count <= bytes && at + 15 + count <= numel(heap)
        text = char(heap(at + 16:at + 15 + count));
        text = text(text ~= 0);
      end
      return
    end
    if number(heap, at, 2) == 0
      return
    end
    at = at + 16 + 8 * ceil(bytes / 8);
  end
end

function value = number(bytes, at, count)
% An unsigned number of so many bytes, the least significant first.
  value = sum(bytes(at:at + count - 1) .* 256 .^ (0:count - 1));
end
