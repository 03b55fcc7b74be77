using System.CommandLine;

namespace Orleans.DOS.Cli.Cluster;

internal static class DownCommand
{
    /// <summary>Longer than the supervisor gives its nodes.</summary>
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(20);

    public static Command Create() => Session.On(new Command("down", "Stop the nodes that 'dos up' keeps"), async (session, cancellation) =>
    {
        if (SupervisorLock.Find(session.Data) is not { Process: var supervisor })
        {
            throw new DosException(DosErrorCode.Unavailable, $"no 'dos up' keeps {session.Data.Path}");
        }
        HostProcess.Terminate(supervisor.Pid);
        if (!await supervisor.GoneAsync(EndMax, cancellation))
        {
            throw new DosException(DosErrorCode.OutcomeUnknown, $"process {supervisor.Pid} has not ended after {EndMax.TotalSeconds:0} s");
        }
    });
}
