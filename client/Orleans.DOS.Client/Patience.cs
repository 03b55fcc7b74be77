namespace Orleans.DOS.Client;

/// <summary>
/// Lets a wait made of long polls outlast the loss of a node: an Unavailable is passed over while the last answer is younger than
/// <see cref="CallBudget.Patience"/>.
/// </summary>
internal sealed class Patience(TimeProvider time)
{
    private long _heard = time.GetTimestamp();

    public void Heard() => _heard = time.GetTimestamp();

    public bool Bears(DosException exception) =>
        exception.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown && time.GetElapsedTime(_heard) < CallBudget.Patience;
}
