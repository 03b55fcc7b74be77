using Orleans.DOS.Nodes;

namespace Orleans.DOS.Files;

/// <summary>
/// The promise behind ownership of a file: once dropped, nothing more is answered from memory, and dropping ends when what was being
/// answered is done. Called from the grain and from the node's service, so it locks.
/// </summary>
internal sealed class OwnedFile(ObjectId target, long epoch, Action dropped) : IOwnedObject
{
    private readonly Lock _guard = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;

    public ObjectId Object => target;
    public long Epoch => epoch;
    public bool IsDropped { get; private set; }

    /// <exception cref="DosException">Unavailable: it was dropped; the next call finds the new owner.</exception>
    public void Enter()
    {
        lock (_guard)
        {
            if (IsDropped)
            {
                throw new DosException(new DosError(DosErrorCode.Unavailable, $"{target} has just got another owner", TimeSpan.FromMilliseconds(50)));
            }
            _inside++;
        }
    }

    public void Leave()
    {
        lock (_guard)
        {
            if (--_inside == 0 && IsDropped)
            {
                _idle.TrySetResult();
            }
        }
    }

    public Task DropAsync()
    {
        lock (_guard)
        {
            IsDropped = true;
            if (_inside == 0)
            {
                _idle.TrySetResult();
            }
        }
        dropped();
        return _idle.Task;
    }
}
