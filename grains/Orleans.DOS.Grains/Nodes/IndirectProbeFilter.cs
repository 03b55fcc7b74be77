using System.Collections.Concurrent;

namespace Orleans.DOS.Nodes;

/// <summary>
/// A node that is asked to probe another on behalf of a third gets as long for it as the third waits for its answer. So the answer
/// "it keeps silent" comes too late, is taken for none, and a frozen node is declared dead only by luck (Orleans leaves half of the
/// time for the way back since its pull request 10510). Here a node may keep silent for <see cref="Patience"/> more, for a pause of
/// its garbage collector or a busy host is no death; from then on the answers come in time. One that refuses connections is known to
/// be gone at once.
/// </summary>
public sealed class IndirectProbeFilter(TimeProvider time) : IIncomingGrainCallFilter
{
    private const string Method = "ProbeIndirectly", Interface = "Orleans.Runtime.IMembershipService";
    private const int TargetArgument = 0, TimeoutArgument = 1;

    /// <summary>Counted from the first request for a node.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>A node that nobody has asked for so long had answered in between.</summary>
    internal static readonly TimeSpan Forgotten = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<SiloAddress, Asked> _asked = new();

    public Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.MethodName == Method && context.Request.GetInterfaceType().FullName == Interface
            && context.Request.GetArgument(TargetArgument) is SiloAddress target && context.Request.GetArgument(TimeoutArgument) is TimeSpan timeout)
        {
            context.Request.SetArgument(TimeoutArgument, Shorten(target, timeout));
        }
        return context.Invoke();
    }

    /// <summary>How long to wait for the node.</summary>
    internal TimeSpan Shorten(SiloAddress target, TimeSpan timeout)
    {
        var now = time.GetTimestamp();
        foreach (var (silo, old) in _asked)
        {
            if (time.GetElapsedTime(old.Last, now) >= Forgotten)
            {
                _asked.TryRemove(new(silo, old));
            }
        }
        var asked = _asked.AddOrUpdate(target, _ => new Asked(now, now), (_, before) => before with { Last = now });
        return time.GetElapsedTime(asked.First, now) >= Patience ? timeout * 0.75 : timeout;
    }

    private sealed record Asked(long First, long Last);
}
