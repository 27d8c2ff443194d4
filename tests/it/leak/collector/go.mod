module cmon.invalid/collector

go 1.19
