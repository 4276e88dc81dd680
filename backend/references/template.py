"""An example of each format that a reference is read from: what the help shows, and what a person downloads to fill in."""

from backend.references.reading import Format

CSV = """\
experiment,table,title,dataset,learning_rate,num_epochs,batch_size,epoch,train_loss,train_acc,test_acc
resnet18-fine-tuned,2,ResNet-18 of our lab,cifar10,0.05,10,256,1,0.420,0.866,0.918
resnet18-fine-tuned,2,ResNet-18 of our lab,cifar10,0.05,10,256,2,,,0.927
resnet18-fine-tuned,2,ResNet-18 of our lab,cifar10,0.05,10,256,10,0.002,1.000,0.950
vgg16-fine-tuned,3,VGG16 of our lab,,,,,,,,0.937
"""
"""An empty cell is a gap; the last line has no epoch, as most tables of papers: it stands beside the last one."""

TOML = """\
title = "Our lab, ResNet-18 and VGG16"
tolerance_points = 0.1   # widens each verdict on either side; 0.05 where it is left out

[[tables]]
experiment = "resnet18-fine-tuned"   # the name of a preset, or one that your own report binds
table = "2"
title = "ResNet-18 of our lab"
dataset = "cifar10"                  # what was trained; what is left out is not compared
learning_rate = 0.05
num_epochs = 10
batch_size = 256

[[tables.rows]]
epoch = 1
train_loss = 0.420                   # nats
train_acc = 0.866                    # shares from 0 to 1
test_acc = 0.918

[[tables.rows]]
epoch = 10
test_acc = 0.950                     # what cannot be read is left out

[[tables]]
experiment = "vgg16-fine-tuned"

[[tables.rows]]
test_acc = 0.937                     # without an epoch: at the end of the training
"""

TEMPLATES: dict[Format, str] = {"csv": CSV, "toml": TOML}
