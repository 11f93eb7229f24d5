# fish completion for zcpd(8): fish looks for a file of the command's name; zcp's, beside this one, serves both.
source (status dirname)/zcp.fish
