global using System.CommandLine;
global using Orleans.DOS.Machines;
