// Connects to each target on standard input and prints what Go says: NAME TAB LINE.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	octets, _ := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(octets)
	identity, failed := tls.LoadX509KeyPair(os.Args[2], os.Args[2])
	if failed != nil {
		panic(failed)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		address := net.JoinHostPort(fields[1], fields[2])
		name := fields[3]
		if name == "" {
			name = fields[1]
		}
		settings := &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2", "http/1.1"}}
		if fields[4] == "tls12" {
			settings.MaxVersion = tls.VersionTLS12
		}
		if fields[4] == "certificate" {
			settings.Certificates = []tls.Certificate{identity}
		}
		if failed := connect(address, settings.Clone()); failed != nil {
			fmt.Printf("%s\t%s\n", fields[0], failed)
		}
		if failed := fetch(address, name, settings); failed != nil {
			fmt.Printf("%s\t%s\n", fields[0], failed)
		}
	}
}

func connect(address string, settings *tls.Config) error {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	connection, failed := tls.DialWithDialer(dialer, "tcp", address, settings)
	if failed != nil {
		return failed
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(2 * time.Second))
	connection.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	_, failed = io.ReadAll(connection)
	return failed
}

func fetch(address, name string, settings *tls.Config) error {
	settings.NextProtos = nil
	transport := &http.Transport{TLSClientConfig: settings, TLSHandshakeTimeout: time.Second}
	client := &http.Client{Transport: transport, Timeout: 3 * time.Second}
	answer, failed := client.Get("https://" + address + "/")
	if failed != nil {
		return failed
	}
	answer.Body.Close()
	return nil
}
