"""Files as the way to a partner: folders of this machine, or behind SFTP (paramiko), that both sides put into and take from."""
