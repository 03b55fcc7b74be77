using System.Globalization;
using Orleans.DOS.Processes;

// Started by a node only: dotnet Orleans.DOS.Worker.dll SOCKET NUMBER SCRATCH, with the node's secret in the environment (arguments are
// visible to everyone on the host, the environment is not).
var secret = Environment.GetEnvironmentVariable(WorkerProcess.SecretVariable);
if (args.Length != 3 || secret is null || !long.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
{
    Console.Error.WriteLine("This program is started by an Orleans.DOS node; it is of no use by itself");
    return 2;
}
// Programs must not find it.
Environment.SetEnvironmentVariable(WorkerProcess.SecretVariable, null);
WorkerProcess.Run(args[0], number, args[2], secret);
return 0;
