using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

/// <summary>A coordinator's connection to one start of one node: what it has to acknowledge, and until when it may ask.</summary>
internal sealed class NodeLink(NodeId node, SiloAddress address)
{
    private readonly CancellationTokenSource _closed = new();
    private TaskCompletionSource _handled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public NodeId Node => node;
    public SiloAddress Address => address;
    public CancellationToken Closed => _closed.Token;
    /// <summary>Reports that are in the journal (or discarded) and not yet acknowledged to the node.</summary>
    public HashSet<long> Handled { get; } = [];
    /// <summary>Reports received and not yet handled.</summary>
    public HashSet<long> Unhandled { get; } = [];
    /// <summary>After a refusal: not asked to begin tasks before this instant.</summary>
    public DateTimeOffset NotBefore { get; set; }
    public Task AllHandled => Unhandled.Count == 0 ? Task.CompletedTask : _handled.Task;

    public void Handle(long key)
    {
        Unhandled.Remove(key);
        Handled.Add(key);
        if (Unhandled.Count == 0)
        {
            var handled = _handled;
            _handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            handled.TrySetResult();
        }
    }

    public void Close() => _closed.Cancel();
}
