function format = dynvert_format(path)
% DYNVERT_FORMAT  The attribute Conventions of a file: 'dynvert-1', 'dynvert-map-1', or what else it is; '' without one.
%
%   format = dynvert_format(path)

  format = dynvert_attribute(path, 'Conventions');
end
