from fleetscan.tls.session cimport Session
